"""Two live processes that write the same run and rank."""

from __future__ import annotations

from runvitals.values import Event, Evidence, State, Verdict


def verdict_on_duplicate(event: Event) -> Verdict:
    """Return the firing verdict on a second live writer, whose samples are not taken."""
    sentence = f"{event.text or 'another process'}: both write this run and rank; only the first is shown"
    return Verdict(State.FIRING, confidence=1.0, evidence=Evidence(sentence, time=event.time))
