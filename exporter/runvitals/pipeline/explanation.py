"""What an explanation of one step says, as plain data."""

from __future__ import annotations

import msgspec

from runvitals.anomaly.explanation import ScoreExplanation
from runvitals.detectors.condition import Condition
from runvitals.detectors.explosion_explanation import HazardExplanation, NextStepExplanation
from runvitals.series import Admission
from runvitals.values import Finding, State


class FaultExplanation(msgspec.Struct, frozen=True):
    """How a fault that watches a signal stands after the value.

    `verdict` is that of this value alone (None: the detector only learns from this signal), `firing` how many of the
    last `open_window` fired: at `open_count` the fault opens. `turns_above` and `turns_below` are the nearest values of
    the signal, at this step, at which it would fire if it does not, and would not if it does; None where there is none.
    """

    fault: str
    category: str
    severity: str
    enabled: bool
    is_open: bool
    verdict: State | None
    firing: int
    open_count: int
    open_window: int
    score: float | None = None
    sentence: str = ""
    conditions: tuple[Condition, ...] = ()
    turns_above: float | None = None
    turns_below: float | None = None


class AlertExplanation(msgspec.Struct, frozen=True):
    """The alert score, and a sentence that says why it is that."""

    score: float | None
    reason: str


class WindowExplanation(msgspec.Struct, frozen=True):
    """The window that a value is compared with, and how it compares; `unknown` says why there are no scores."""

    samples: int
    size: int
    minimum: int
    mean: float | None
    stddev: float | None
    median: float | None
    robust_scale: float | None
    zscore: float | None
    robust_zscore: float | None
    unknown: str = ""


class SignalExplanation(msgspec.Struct, frozen=True):
    """One value of one signal: what became of it, its window, its scores, and the faults that watch it.

    `anomaly` and `alert` are None where the value was not scored; `admission` says why.
    """

    run: str
    rank: str
    signal: str
    layer: str
    time: float
    step: int | None
    value: float
    admission: Admission
    window: WindowExplanation
    anomaly: ScoreExplanation | None
    alert: AlertExplanation | None
    faults: tuple[FaultExplanation, ...]


class RankExplanation(msgspec.Struct, frozen=True):
    """How a rank stands after the step: explosion probabilities (None without gradient norms), open findings."""

    run: str
    rank: str
    next_step: NextStepExplanation | None
    hazard: HazardExplanation | None
    findings: tuple[Finding, ...]
