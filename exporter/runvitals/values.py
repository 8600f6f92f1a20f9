"""The values that travel between the stages; the stages themselves never import each other.

Times are seconds since the Unix epoch, wall clock. A `rank` is a string: a number for a training process, a host or
replica name for a server. `step` is None where a source knows none. A `layer` is the empty string for a signal
of the whole rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

import msgspec


class State(str, Enum):
    """Three answers, not two: what cannot be known is never fine."""

    OK = "ok"
    FIRING = "firing"
    UNKNOWN = "unknown"


class RunStatus(str, Enum):
    """Where a rank stands. `unknown`: silent, and the file system has no locks to tell dead from quiet."""

    RUNNING = "running"
    FINISHED = "finished"
    RAISED = "raised"
    CRASHED = "crashed"
    UNKNOWN = "unknown"


class EventKind(str, Enum):
    """What can happen to a rank; `resume` to `mark` is what a user marks, after that what a log line is evidence of."""

    RUN_STARTED = "run_started"
    RUN_FINISHED = "run_finished"
    RUN_RAISED = "run_raised"
    RUN_CRASHED = "run_crashed"
    RUN_UNKNOWN = "run_unknown"
    RUN_HEARD_AGAIN = "run_heard_again"
    DUPLICATE_WRITER = "duplicate_writer"
    RESUME = "resume"
    PHASE = "phase"
    EVALUATION = "evaluation"
    CHECKPOINT = "checkpoint"
    BATCH = "batch"
    MARK = "mark"
    OUT_OF_MEMORY = "out_of_memory"
    COLLECTIVE_TIMEOUT = "collective_timeout"
    XID = "xid"
    TRACEBACK = "traceback"
    KILLED = "killed"
    LOSS_SCALE_OVERFLOW = "loss_scale_overflow"


class Sample(NamedTuple):
    """One value of one signal of one rank. The value may be NaN or infinite; a detector counts it then."""

    run: str
    rank: str
    signal: str
    layer: str
    time: float
    step: int | None
    value: float


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a rank: it started, ended, or its user marked something.

    `seen_live` is False for what had already happened when the source first looked: such an end never alerts.
    """

    kind: EventKind
    run: str
    rank: str
    time: float
    step: int | None = None
    text: str = ""
    fields: Mapping[str, str] = {}
    seen_live: bool = True


class Poll(msgspec.Struct):
    """What one poll of a source brought.

    `items` in the order in which they happened; `rejected` counts by reason what was not taken; `position` is
    what the source needs to go on after these items (plain data, kept in the state file), None if it keeps none.
    `error` is a sentence where the source is down and has items all the same: that a server does not answer is news.
    `available` tells of signals that are expected whether what the source reads publishes them.
    """

    items: Sequence[Sample | Event | Decision] = []
    rejected: dict[str, int] = {}
    position: object = None
    error: str = ""
    available: Mapping[str, bool] = {}


class EvidenceRole(str, Enum):
    """What a piece of evidence is to its finding: what was seen, what surrounded it, and what followed from it."""

    OBSERVATION = "observation"
    CIRCUMSTANCE = "circumstance"
    CONSEQUENCE = "consequence"


class Evidence(msgspec.Struct, frozen=True):
    """One fact a finding rests on, with what would have been expected."""

    sentence: str
    signal: str = ""
    layer: str = ""
    value: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    step: int | None = None
    time: float | None = None
    role: EvidenceRole = EvidenceRole.OBSERVATION


class Verdict(msgspec.Struct, frozen=True):
    """A detector's answer to one observation.

    `score` grows with how unusual the observation is, in the detector's own unit; `confidence` is in 0..1 and only
    stated when firing. `note` says what an ok verdict means for what was open, where that is not a recovery.
    """

    state: State
    score: float | None = None
    confidence: float = 0.0
    evidence: Evidence | None = None
    note: str = ""


OK = Verdict(State.OK)
UNKNOWN = Verdict(State.UNKNOWN)


class Bar(msgspec.Struct, frozen=True):
    """What a false alarm asks for from then on: on `signal`, the fault opens only where this is passed.

    Its score must be above `score`; where the detector gives none, it must fire `times` as often.
    """

    incident: str
    signal: str
    score: float | None
    times: int


class Consequence(msgspec.Struct, frozen=True):
    """A fault that followed from a finding, first with the finding of ID `finding`, at `step` and `time`.

    On the same rank where `ranks` is 0; else on so many others at the same time, the first of them `rank`.
    """

    fault: str
    finding: str
    rank: str
    time: float
    step: int | None
    ranks: int = 0


class Finding(msgspec.Struct):
    """A fault that is, or was, active on a rank. Category and severity are frozen at opening.

    `score` is the largest of its verdicts, in the detector's own unit; None where the detector gives none. `bars` are
    those that it raised when an operator called it a false alarm. It was first seen with the first of the firing
    verdicts that opened it. `category_confidence` (0..1) says how sure the category is; None where no circumstance
    spoke, and the category is the fault's usual one. `cause` is the ID of the finding that it follows from, also after
    that one has closed; `explained` says that the cause speaks for this one (or did when this one closed), which then
    is not active by itself. `orphaned`: the cause has closed; seen once more, this one is active again.
    """

    id: str
    fault: str
    category: str
    severity: str
    run: str
    rank: str
    opened_time: float
    opened_step: int | None
    confidence: float
    evidence: list[Evidence]
    first_action: str
    closed_time: float | None = None
    closed_step: int | None = None
    closed_reason: str = ""
    score: float | None = None
    bars: list[Bar] = []
    first_seen_time: float | None = None
    first_seen_step: int | None = None
    category_confidence: float | None = None
    cause: str = ""
    explained: bool = False
    orphaned: bool = False
    consequences: list[Consequence] = []

    @property
    def is_open(self) -> bool:
        """True until the finding has closed."""
        return self.closed_time is None

    def copy(self) -> Finding:
        """Return the finding as it is now, which does not change with this one."""
        return msgspec.structs.replace(self, evidence=list(self.evidence))


class ChangeKind(str, Enum):
    """What happened to a finding."""

    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"


class IncidentChange(msgspec.Struct, frozen=True):
    """One change in the life of a finding, and a copy of the finding after it.

    `onset` are the samples of the rank around the opening; None leaves those that an earlier change brought. A change
    without a sentence brings nothing else.
    """

    kind: ChangeKind
    finding: Finding
    time: float
    step: int | None
    sentence: str
    onset: tuple[Sample, ...] | None = None


class Action(str, Enum):
    """What an operator can decide about an incident."""

    RESOLVE = "resolve"
    FALSE_ALARM = "false-alarm"
    UNDO_FALSE_ALARM = "undo-false-alarm"


class Decision(msgspec.Struct, frozen=True):
    """What an operator decided about an incident, and the finding as the journal knew it then."""

    action: Action
    finding: Finding
    time: float


class Incident(msgspec.Struct, frozen=True):
    """One incident: its finding as it was last, and the fingerprint of the config under which it opened."""

    finding: Finding
    config: str
    is_false_alarm: bool


class HistoryEntry(NamedTuple):
    """One line of an incident's history."""

    kind: str
    time: float
    step: int | None
    sentence: str


class OnsetSample(NamedTuple):
    """A sample around an onset; run and rank are the incident's."""

    time: float
    step: int | None
    signal: str
    value: float


class IncidentRecord(msgspec.Struct, frozen=True):
    """Everything that the journal keeps of one incident: what happened to it, oldest first, and what led to it."""

    incident: Incident
    history: Sequence[HistoryEntry]
    onset: Sequence[OnsetSample]


class JournalView(msgspec.Struct, frozen=True):
    """How the journal of incidents is doing.

    `written` counts changes that are on disk, `pending` those that wait, `dropped` by reason those that were given up,
    `failures` attempts to write that failed, `pruned` incidents that made room. `error` says why the last attempt
    failed; empty where it did not.
    """

    written: int
    pending: int
    dropped: Mapping[str, int]
    failures: int
    pruned: int
    incidents: int
    size_bytes: int
    error: str = ""


class AlertmanagerView(msgspec.Struct, frozen=True):
    """How one Alertmanager is told, counted in alerts but for `failures`, which are posts.

    `refused` are those of posts in which it called one wrong, `pending` those whose state it does not know;
    `last_success` is Unix seconds. `error` says why the last post failed; empty where it did not.
    """

    url: str
    sent: int
    failures: int
    refused: int
    pending: int
    last_success: float | None
    error: str = ""


class FastPathView(msgspec.Struct, frozen=True):
    """How the fast path is doing; `dropped` counts alerts for which there was no room."""

    alertmanagers: tuple[AlertmanagerView, ...]
    dropped: int


class SeriesView(msgspec.Struct, frozen=True):
    """One series as the page shows it; None where there is no answer.

    `recent` are the newest finite values, oldest first, and `expected` is the range that the window before the newest
    one would expect; both only while somebody looks.
    """

    run: str
    rank: str
    signal: str
    layer: str
    value: float
    time: float
    window_samples: int
    samples: int
    nonfinite: int
    late: int
    mean: float | None = None
    stddev: float | None = None
    zscore: float | None = None
    robust_zscore: float | None = None
    zscore_peak: float | None = None
    anomaly_score: float | None = None
    anomaly_score_peak: float | None = None
    recent: Sequence[float] = ()
    expected: tuple[float, float] | None = None


class RankView(msgspec.Struct, frozen=True):
    """One rank as the page shows it.

    `explosion_probability` is that of horizon 1, `explosion_hazard` that of horizon 50; `explosion_skipped` counts by
    reason the relative changes that could not be formed; `active` are the findings that
    are open, or opened so lately that a scraper may have missed them; `fault_active` holds (fault, category, severity)
    → 1 for those, 0 for what has been open; what another finding explains is not active. `fault_states` counts the
    catalogue's faults of rank scope by state, `states` holds the state of each;
    `incidents` counts openings by (fault, category); `start_time` is None where no start was seen; `checksums` holds,
    by layer, the step and the value of the parameter checksum that is held for comparison.
    """

    run: str
    rank: str
    status: RunStatus
    info: Mapping[str, str]
    step: int | None
    last_step_time: float | None
    explosion_probability: float | None
    explosion_hazard: float | None
    explosion_skipped: Mapping[str, int]
    fault_active: Mapping[tuple[str, str, str], int]
    fault_states: Mapping[State, int]
    incidents: Mapping[tuple[str, str], int]
    active: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    states: Mapping[str, State] = {}
    start_time: float | None = None
    checksums: Mapping[str, tuple[int, float]] = {}


class SourceView(msgspec.Struct, frozen=True):
    """The health of one source; `available` tells of the signals that are expected of it which it publishes."""

    name: str
    kind: str
    up: bool
    error: str
    poll_seconds: float | None
    last_success: float | None
    samples: int
    rejected: Mapping[str, int]
    available: Mapping[str, bool] = {}


class Snapshot(msgspec.Struct, frozen=True):
    """Everything the page shows, taken at one moment and never changed after.

    `past_findings` are those of ranks that have left the page, `false_alarms` those whose bars are in force, wherever
    else they stand; `journal` and `fast_path` are None where there is none. `ready` is False until every source has
    answered or failed once. `dropped` counts by limit what the store refused. `state_saved` is when the state was last
    saved.
    `warm_up` is how many values a series needs before it is judged, `disabled` names the faults that are switched off.
    """

    time: float
    ready: bool
    series: tuple[SeriesView, ...]
    ranks: tuple[RankView, ...]
    sources: tuple[SourceView, ...]
    dropped: Mapping[str, int]
    past_findings: tuple[Finding, ...] = ()
    state_saved: float | None = None
    false_alarms: tuple[Finding, ...] = ()
    journal: JournalView | None = None
    fast_path: FastPathView | None = None
    warm_up: int = 0
    disabled: frozenset[str] = frozenset()
