"""What surrounds the findings of a rank: its last steps, its marks and logs, and the other ranks of its run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runvitals.catalogue.causes import SPREADING
from runvitals.diagnosis.causes import is_across_ranks, seen_time
from runvitals.diagnosis.circumstances import judge, judge_late, takes_over
from runvitals.diagnosis.rank_diagnosis import RUN_ENDED, RankDiagnosis
from runvitals.diagnosis.recent_events import RecentEvents
from runvitals.diagnosis.situation import Situation
from runvitals.pipeline.flight_recorder import FlightRecorder
from runvitals.values import Event, Finding, Sample

MAX_PEERS = 64
"""So many ranks of the run are asked whether they saw the same."""


class Surroundings(NamedTuple):
    """Judges the findings of a rank by what surrounds them.

    `recorders` are those of ranks of the run, perhaps its own among them, MAX_PEERS at most.
    """

    diagnosis: RankDiagnosis
    recorder: FlightRecorder
    events: RecentEvents

    def announce(self, finding: Finding, recorders: Sequence[FlightRecorder] = ()) -> None:
        """Tell of a finding that has opened, with what its circumstances say of it."""
        takes_over(finding, judge(self._situation(finding, recorders)))
        self.diagnosis.announce(finding)

    def judge_anew(self, sample: Sample, recorders: Sequence[FlightRecorder]) -> None:
        """Judge what this record has opened once more: the order of the signals within it means nothing."""
        for finding in self.diagnosis.open.values():
            if (finding.opened_time, finding.opened_step) == (sample.time, sample.step):
                self.diagnosis.judge_anew(finding, judge(self._situation(finding, recorders)))

    def judge_late(self, event: Event, step: int | None) -> None:
        """Add what an event says of findings that are open already."""
        for finding in self.diagnosis.open.values():
            judgement = judge_late(finding, event)
            if judgement is not None:
                self.diagnosis.judge_late(finding, judgement, event.time, step)

    def _situation(self, finding: Finding, recorders: Sequence[FlightRecorder]) -> Situation:
        ended = {one.fault: one for one in self.diagnosis.closed if _has_ended_with(one, finding)}
        samples = self.recorder.until(finding.opened_time)
        others = self._others(finding, recorders) if finding.fault in SPREADING else ()
        return Situation(finding, samples, self.events, {**ended, **self.diagnosis.open}, others)

    def _others(self, finding: Finding, recorders: Sequence[FlightRecorder]) -> Sequence[float]:
        """Return what other ranks have reported of the finding's signal at its step."""
        signal, step = finding.evidence[0].signal, finding.first_seen_step
        if step is None:
            return ()
        samples = (one.sample_at(signal, step) for one in recorders if one is not self.recorder)
        return tuple(one.value for one in samples if one and is_across_ranks(one.time - seen_time(finding)))


def _has_ended_with(closed: Finding, finding: Finding) -> bool:
    """Return whether the end of the run, which opens the finding, has closed the other."""
    return closed.closed_reason == RUN_ENDED and closed.closed_time == finding.opened_time
