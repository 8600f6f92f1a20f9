"""What operators decided about incidents, and the bars that their false alarms have raised."""

from __future__ import annotations

from math import ceil, inf, isfinite

import msgspec

from runvitals.diagnosis.rank_diagnosis import FALSE_ALARM, RESOLVED, RESOLVED_WITH_CAUSE
from runvitals.settings import Settings
from runvitals.values import Action, Bar, Decision, Finding

MAX_FALSE_ALARMS = 256
MAX_CLOSINGS = 1024

_REASONS = {Action.RESOLVE: RESOLVED, Action.FALSE_ALARM: FALSE_ALARM}


class FalseAlarmSettings(Settings, frozen=True):
    """How far a false alarm raises the bar: the score must pass `factor` times the false alarm's own.

    Where a detector gives no score, it must fire that many times as often instead (rounded up).
    """

    factor: float = 1.5

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 1.0 <= self.factor <= 100.0:
            raise ValueError(f"factor must be from 1 to 100, not {self.factor}")


class Closing(msgspec.Struct, frozen=True):
    """That an incident was closed by an operator: when, and for what reason."""

    time: float
    reason: str


class Decisions(msgspec.Struct):
    """What was decided, as far as it is in force; the oldest goes first where there is too much.

    `closings` outlive their findings: an opening that is read once more after a restart is closed again.
    """

    closings: dict[str, Closing] = {}
    false_alarms: dict[str, Finding] = {}
    dropped: int = 0

    def closing(self, decision: Decision) -> Closing | None:
        """Keep and return how the decision closes its incident; None where it does not."""
        if decision.action not in _REASONS:
            return None
        closing = self.closings[decision.finding.id] = Closing(decision.time, _REASONS[decision.action])
        self._forget_oldest()
        return closing

    def follow(self, consequence: Finding, closing: Closing) -> Closing:
        """Keep and return how a finding closes whose cause an operator has resolved."""
        mine = self.closings[consequence.id] = Closing(closing.time, RESOLVED_WITH_CAUSE)
        self._forget_oldest()
        return mine

    def move_bars(self, action: Action, finding: Finding, factor: float) -> None:
        """Raise the bars that the finding passed, or take them back; it has its newest evidence."""
        if action is not Action.RESOLVE:
            self.false_alarms.pop(finding.id, None)
        if action is Action.FALSE_ALARM:
            bars = raised_bars(finding, factor)
            copy = msgspec.structs.replace(finding, evidence=list(finding.evidence), bars=bars)
            self.false_alarms[finding.id] = copy
        self._forget_oldest()

    def bars(self, run: str) -> dict[str, dict[str, Bar]]:
        """Return the bars in force on a run, by fault and signal: the highest of each."""
        bars: dict[str, dict[str, Bar]] = {}
        for finding in self.false_alarms.values():
            if finding.run == run:
                of_fault = bars.setdefault(finding.fault, {})
                for bar in finding.bars:
                    of_fault[bar.signal] = max(of_fault.get(bar.signal, bar), bar, key=_height)
        return bars

    def _forget_oldest(self) -> None:
        while len(self.false_alarms) > MAX_FALSE_ALARMS:
            del self.false_alarms[next(iter(self.false_alarms))]
            self.dropped += 1
        while len(self.closings) > MAX_CLOSINGS:
            del self.closings[next(iter(self.closings))]


def raised_bars(finding: Finding, factor: float) -> list[Bar]:
    """Return a bar for each signal that the finding rests on; none where it rests on events or on the clock alone."""
    signals = dict.fromkeys(evidence.signal for evidence in finding.evidence if evidence.signal)
    has_score = finding.score is not None and isfinite(finding.score) and finding.score > 0.0
    score = factor * finding.score if has_score and finding.score is not None else None
    times = 1 if has_score else ceil(factor)
    return [Bar(finding.id, signal, score, times) for signal in signals]


def _height(bar: Bar) -> tuple[float, int]:
    return -inf if bar.score is None else bar.score, bar.times
