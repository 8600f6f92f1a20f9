"""Values that are NaN or infinite."""

from __future__ import annotations

from runvitals.detectors.detector import Detector
from runvitals.series import NONFINITE, Admission, Series
from runvitals.values import OK, Evidence, Sample, State, Verdict


class Nonfinite(Detector, tag="nonfinite"):
    """Fires on each value that is NaN or infinite; needs no warm-up."""

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:  # noqa: ARG002  # protocol
        """Return the verdict on the newest sample of the series."""
        return nonfinite_verdict(sample) if admission is NONFINITE else OK


def nonfinite_verdict(sample: Sample) -> Verdict:
    """Return the firing verdict on a value that is NaN or infinite."""
    evidence = Evidence(
        f"{sample.signal} is {sample.value}",
        sample.signal,
        sample.layer,
        value=sample.value,
        step=sample.step,
        time=sample.time,
    )
    return Verdict(State.FIRING, confidence=1.0, evidence=evidence)
