"""Why the state of a fault is unknown: which signal it would need, or how far the warm-up has come."""

from __future__ import annotations

from collections.abc import Mapping

from runvitals.catalogue.faults import Fault

SWITCHED_OFF = "switched on in the config"
REPORTED = "a source that reports the start and the end of the process"


def needs(fault: Fault, seen: Mapping[str, int], warm_up: int, *, disabled: bool = False) -> list[str]:
    """Return what would have to be there for the fault to be known.

    `seen` is how many values the window holds by signal that the rank has reported, `warm_up` how many are asked for.
    """
    if disabled:
        return [SWITCHED_OFF]
    if not fault.signals:
        return [REPORTED]
    if not any(signal in seen for signal in fault.signals):
        return [" or ".join(fault.signals)]
    warming = max(seen.get(signal, 0) for signal in fault.signals)
    if warming < warm_up:
        return [f"warming up, {warming} of {warm_up}"]
    missing = [signal for signal in fault.context if signal not in seen]
    return missing or ["a value that can be judged"]
