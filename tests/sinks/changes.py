"""Changes of findings as a pipeline hands them over."""

from __future__ import annotations

from typing import Any

import msgspec

from runvitals.values import ChangeKind, Evidence, Finding, IncidentChange, Sample

START = 1_700_000_000.0


def finding(number: int = 0, **changes: Any) -> Finding:
    """An open finding; its content follows from its number, so that a torn one would be seen."""
    values: dict[str, Any] = {
        "id": f"{number:012x}",
        "fault": "loss_spike",
        "category": "parameters",
        "severity": "warning",
        "run": "llama",
        "rank": "0",
        "opened_time": START + number,
        "opened_step": number,
        "confidence": 0.75,
        "evidence": [Evidence(f"loss {number} is high", "loss", value=float(number), step=number)],
        "first_action": "Look at the last two batches.",
        "score": 12.0,
    }
    return Finding(**(values | changes))


def opened(number: int = 0, **changes: Any) -> IncidentChange:
    """The opening of a finding, with the samples before it."""
    one = finding(number, **changes)
    onset = tuple(Sample(one.run, one.rank, "loss", "", START + number, number, 1.0 * step) for step in range(32))
    return IncidentChange(ChangeKind.OPENED, one, one.opened_time, one.opened_step, one.evidence[0].sentence, onset)


def closed(number: int = 0, reason: str = "recovered", **changes: Any) -> IncidentChange:
    """The closing of the same finding."""
    time = START + number + 0.5
    one = finding(number, closed_time=time, closed_step=number + 1, closed_reason=reason, **changes)
    return IncidentChange(ChangeKind.CLOSED, one, time, number + 1, reason)


def changed(number: int, sentence: str) -> IncidentChange:
    """One more piece of evidence."""
    one = finding(number)
    one = msgspec.structs.replace(one, evidence=[*one.evidence, Evidence(sentence)])
    return IncidentChange(ChangeKind.CHANGED, one, START + number + 0.25, number, sentence)
