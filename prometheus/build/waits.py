"""How long each alert waits beyond what the diagnosis has waited for."""

from __future__ import annotations

from typing import NamedTuple

from runvitals.catalogue.faults import Fault


class Wait(NamedTuple):
    """The `for` of an alert (empty: none), and why."""

    duration: str
    reason: str


_WAITS = {
    "loss_spike": Wait(
        "1m",
        "A spike that is over within a minute needs nobody: it stands in the journal and on the dashboard. Where it "
        "is the symptom of an explosion or a NaN on another machine, their alert arrives meanwhile and mutes this one.",
    ),
    "gradient_explosion_likely": Wait("", "No `for`: the forecast looks 50 steps ahead; waiting would use them up."),
    "run_crashed": Wait(
        "", "No `for`: a dead process does not come back by itself, and while it is down nothing is learnt."
    ),
    "hang": Wait(
        "", "No `for`: the diagnosis has waited for several times the longest ordinary step, and at least a minute."
    ),
}


def wait_of(fault: Fault) -> Wait:
    """Return how long the fault's alert waits, and why."""
    return _WAITS.get(fault.name, Wait("", _usual_reason(fault)))


def _usual_reason(fault: Fault) -> str:
    if fault.open_count == 1:
        return "No `for`: where the diagnosis is sure at first sight, waiting only delays."
    return f"No `for`: the diagnosis has waited for {fault.open_count} of {fault.open_window} verdicts."
