"""The firing verdict on a sample."""

from __future__ import annotations

from runvitals.values import Evidence, Sample, State, Verdict


def firing(
    sample: Sample,
    sentence: str,
    confidence: float,
    *,
    score: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Verdict:
    """Return the verdict that this sample is wrong; it was expected from `low` to `high`."""
    evidence = Evidence(
        sentence,
        sample.signal,
        sample.layer,
        value=sample.value,
        expected_low=low,
        expected_high=high,
        step=sample.step,
        time=sample.time,
    )
    return Verdict(State.FIRING, score, confidence, evidence)
