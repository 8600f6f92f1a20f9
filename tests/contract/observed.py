"""One detector by name, shown samples as the pipeline shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline.rank import make_detectors
from runvitals.series import Admission, SeriesSettings, SeriesStore
from runvitals.values import Sample, State, Verdict

TABLE = resolve({})
NAMES = sorted(make_detectors(TABLE))
SETTINGS = SeriesSettings()


class Observed:
    """A detector with the series that it reads; every verdict is checked as it comes."""

    def __init__(self, name: str) -> None:
        self.detector, self.store = make_detectors(TABLE)[name], SeriesStore(SETTINGS)
        self.firings = 0
        self.last: Verdict | None = None

    def show(self, items: Iterable[Sample]) -> bool:
        """Show it samples; return whether it fired at one of them."""
        before = self.firings
        for item in items:
            series = self.store.get(item, "test")
            assert series is not None
            admission = series.admit(item, SETTINGS)
            if admission in (Admission.SCORED, Admission.NONFINITE):
                verdict = self.detector.observe(item, series, admission)
                if verdict is not None:
                    self._take(verdict)
        return self.firings > before

    def _take(self, verdict: Verdict) -> None:
        assert_sound(verdict)
        self.last = verdict
        self.firings += verdict.state is State.FIRING

    @property
    def state_bytes(self) -> int:
        """How large the state of the detector is, as it is saved."""
        return len(msgspec.msgpack.encode(self.detector, enc_hook=checkpoint._encode))

    @property
    def series_bytes(self) -> int:
        """The same of its series."""
        return len(msgspec.msgpack.encode(list(self.store), enc_hook=checkpoint._encode))


def assert_sound(verdict: Verdict) -> None:
    """One of three answers, every number finite, and evidence where it fires and nowhere else."""
    evidence = verdict.evidence
    assert verdict.state in State
    assert 0.0 <= verdict.confidence <= 1.0
    assert (evidence is not None) == (verdict.state is State.FIRING)
    numbers = [verdict.score] + ([evidence.expected_low, evidence.expected_high] if evidence else [])
    assert all(number is None or math.isfinite(number) for number in numbers)
