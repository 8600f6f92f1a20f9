"""How a run ended, and whether that is a fault."""

from __future__ import annotations

from runvitals.values import Event, EventKind, Evidence, State, Verdict

_STOPPED_BY_ITS_USER = frozenset({"KeyboardInterrupt", "SystemExit"})


def verdict_on_end(event: Event) -> Verdict | None:
    """Return the firing verdict on a run that crashed or raised.

    None for an end that is no fault, or that was not seen happening.
    """
    if not event.seen_live:
        return None
    if event.kind is EventKind.RUN_CRASHED:
        sentence = "the process died without closing its run (killed, out of memory, or the machine went)"
    elif event.kind is EventKind.RUN_RAISED and event.text not in _STOPPED_BY_ITS_USER:
        sentence = f"the process raised {event.text}"
    else:
        return None
    return Verdict(State.FIRING, confidence=1.0, evidence=Evidence(sentence, step=event.step, time=event.time))
