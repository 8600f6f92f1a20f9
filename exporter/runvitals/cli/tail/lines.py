"""How a step and a change of a finding look in a terminal."""

from __future__ import annotations

from collections import deque

from runvitals.catalogue import signals
from runvitals.cli.scores import is_newest
from runvitals.series import Series
from runvitals.values import ChangeKind, IncidentChange, Sample

MAX_SIGNALS = 8
_FIRST = (signals.LOSS.name, signals.GRAD_NORM.name)


class StepLines:
    """Makes a line of the values of each step, with their anomaly scores where these are known.

    Until `caught_up` is called for the first time the last `keep` lines are kept back, and older ones dropped.
    """

    def __init__(self, keep: int) -> None:
        self._waiting: deque[str] = deque(maxlen=keep)
        self._has_caught_up = False
        self._place: tuple[str, str, int | None, float] | None = None
        self._values: dict[str, tuple[float, float | None]] = {}

    def take(self, sample: Sample, series: Series | None) -> list[str]:
        """Take a sample that the pipeline has seen; return the lines that are to be shown now."""
        if sample.layer:
            return []
        # A step holds whenever its values came; without steps the time does.
        place = (sample.run, sample.rank, sample.step, 0.0 if sample.step is not None else sample.time)
        lines = self._complete() if place != self._place else []
        self._place = place
        score = series.anomaly.score if series is not None and is_newest(series, sample) else None
        self._values[sample.signal] = (sample.value, score)
        return lines

    def caught_up(self) -> list[str]:
        """There is no more for now: return what was kept back, and the step that was the last."""
        last = self._complete()
        self._has_caught_up = True
        lines = [*self._waiting, *last]
        self._waiting.clear()
        return lines

    def _complete(self) -> list[str]:
        if not self._values or self._place is None:
            return []
        line = _line(*self._place, self._values)
        self._values = {}
        if self._has_caught_up:
            return [line]
        self._waiting.append(line)
        return []


def change_line(change: IncidentChange) -> str:
    """Return the line of a finding that has opened, changed or closed; empty where that says nothing."""
    if not change.sentence:
        return ""
    finding = change.finding
    what = {ChangeKind.OPENED: f"OPEN ({finding.severity})", ChangeKind.CHANGED: "and", ChangeKind.CLOSED: "closed"}
    where = f"{_where(finding.run, finding.rank, change.step, change.time)}"
    return f"{where}  ! {finding.fault} {what[change.kind]}: {change.sentence}"


def _line(run: str, rank: str, step: int | None, time: float, values: dict[str, tuple[float, float | None]]) -> str:
    order = sorted(values, key=lambda name: (name not in _FIRST, -(values[name][1] or 0.0), name))
    shown = "  ".join(_value(name, *values[name]) for name in order[:MAX_SIGNALS])
    more = f"  and {len(order) - MAX_SIGNALS} more" if len(order) > MAX_SIGNALS else ""
    return f"{_where(run, rank, step, time)}  {shown}{more}"


def _value(name: str, value: float, score: float | None) -> str:
    return f"{name} {value:.4g}" if score is None else f"{name} {value:.4g} ({score:.1f})"


def _where(run: str, rank: str, step: int | None, time: float) -> str:
    return f"{run}/{rank} " + (f"step {step}" if step is not None else f"time {time:.3f}")
