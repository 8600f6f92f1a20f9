"""A recording through the pipeline with default settings, and how what was found compares with what was planted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runvitals.config import Config
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline
from runvitals.values import ChangeKind, Finding, IncidentChange
from tests.scenarios.scenario import Recording, Scenario

ALARMING = frozenset({"warning", "critical"})
ALERT_WAIT_SECONDS = 10.0
"""The shortest `group_wait` in alertmanager.yml: a finding that has a cause by then is no alert of its own."""


class Opening(NamedTuple):
    """A finding as it opened; `step` is how many steps the run had taken by then."""

    fault: str
    category: str
    severity: str
    rank: str
    time: float
    step: int
    sentence: str


class Outcome(NamedTuple):
    """What came of one run.

    `delay` counts the steps from the first that was wrong to the finding; None: not found. `first` is the first finding
    after the planting; `early` are those before it (on a healthy run: all) in `calm_steps` steps, without the `notes`,
    those of severity info.
    """

    scenario: str
    seed: int
    delay: int | None
    first: Opening | None
    is_right_first: bool
    is_right_category: bool
    early: tuple[Opening, ...]
    notes: tuple[Opening, ...]
    calm_steps: int


def watch(recording: Recording) -> list[Opening]:
    """Return the findings that opened and alerted, in the order of their times.

    What another finding explains alerts nobody, if that one came soon enough.
    """
    changes: list[IncidentChange] = []
    config = Config()
    pipeline = Pipeline(config.series, config.ranks, resolve(config.faults), changes.append)
    pipeline.observe(recording.items, "recording")
    pipeline.advance(recording.until)
    return [_opening(finding, recording.step_times) for finding in alerted(changes)]


def alerted(changes: Iterable[IncidentChange]) -> list[Finding]:
    """Return each finding as it was when its alert was sent; those that were explained by then are left out."""
    known: dict[str, Finding] = {}
    for change in changes:
        finding = change.finding
        if change.kind is ChangeKind.OPENED or change.time - finding.opened_time <= ALERT_WAIT_SECONDS:
            known[finding.id] = finding
    standing = [finding for finding in known.values() if not finding.explained]
    return sorted(standing, key=lambda finding: finding.opened_time)


def judge(scenario: Scenario, seed: int, recording: Recording, openings: Sequence[Opening]) -> Outcome:
    """Compare what opened with what was planted."""
    planted = recording.planted
    alarming = [one for one in openings if one.severity in ALARMING or one.fault in scenario.accepted]
    early = tuple(one for one in openings if planted is None or one.time <= planted)
    late = [one for one in alarming if planted is not None and one.time > planted]
    first = late[0] if late else None
    return Outcome(
        scenario.name,
        seed,
        _delay(scenario, recording, late),
        first,
        first is not None and first.fault in scenario.accepted,
        first is not None and first.category == scenario.category,
        tuple(one for one in early if one.severity in ALARMING),
        tuple(one for one in early if one.severity not in ALARMING),
        calm_steps(recording),
    )


def calm_steps(recording: Recording) -> int:
    """Return how many steps were taken while nothing was wrong."""
    if recording.planted is None:
        return len(recording.step_times)
    return bisect_right(recording.step_times, recording.planted)


def delay_of(recording: Recording, time: float) -> int:
    """Return the steps from the first that was wrong to `time`; 0 is in that step itself."""
    return max(0, bisect_right(recording.step_times, time) - calm_steps(recording) - 1)


def _delay(scenario: Scenario, recording: Recording, late: Sequence[Opening]) -> int | None:
    delays = [delay_of(recording, one.time) for one in late if one.fault in scenario.accepted]
    return delays[0] if delays and delays[0] <= scenario.within else None


def _opening(finding: Finding, times: Sequence[float]) -> Opening:
    sentence = finding.evidence[0].sentence if finding.evidence else ""
    step = bisect_right(times, finding.opened_time)
    return Opening(finding.fault, finding.category, finding.severity, finding.rank, finding.opened_time, step, sentence)
