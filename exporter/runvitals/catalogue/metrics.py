"""Every metric runvitals exposes: each full name stands here as a literal, once, and nowhere else in the code."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["gauge", "counter"]


class Metric(NamedTuple):
    """A metric family: its full name, kind, HELP text with the unit, and label names in order."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


SERIES = ("run", "rank", "signal", "layer")
RANK = ("run", "rank")
FAULT = ("run", "rank", "fault", "category", "severity")
ALERTMANAGER = ("alertmanager",)

SIGNAL_VALUE = Metric(
    "runvitals_signal_value",
    "gauge",
    "Newest value of the signal, in the signal's own base unit; NaN and Inf as they are.",
    SERIES,
)
SIGNAL_MEAN = Metric(
    "runvitals_signal_mean",
    "gauge",
    "Mean of the window before the newest value, in the signal's own base unit.",
    SERIES,
)
SIGNAL_STDDEV = Metric(
    "runvitals_signal_stddev",
    "gauge",
    "Sample standard deviation of the window before the newest value, in the signal's own base unit.",
    SERIES,
)
SIGNAL_WINDOW_SAMPLES = Metric(
    "runvitals_signal_window_samples",
    "gauge",
    "Number of values in the window before the newest value.",
    SERIES,
)
SIGNAL_ZSCORE = Metric(
    "runvitals_signal_zscore",
    "gauge",
    "Standard deviations the newest value lies from the window's mean (dimensionless); absent while warming up.",
    SERIES,
)
SIGNAL_ROBUST_ZSCORE = Metric(
    "runvitals_signal_robust_zscore",
    "gauge",
    "Distance of the newest value from the window's median in robust standard deviations "
    "(MAD with a floor, dimensionless); absent while warming up.",
    SERIES,
)
SIGNAL_ZSCORE_PEAK = Metric(
    "runvitals_signal_zscore_peak",
    "gauge",
    "Largest absolute z-score of the last 60 to 70 seconds (dimensionless).",
    SERIES,
)
SIGNAL_ANOMALY_SCORE = Metric(
    "runvitals_signal_anomaly_score",
    "gauge",
    "-log10 of the calibrated probability that a healthy value is at least as unusual as the newest (dimensionless); "
    "absent while unknown.",
    SERIES,
)
SIGNAL_ANOMALY_SCORE_PEAK = Metric(
    "runvitals_signal_anomaly_score_peak",
    "gauge",
    "Largest anomaly score of the last 60 to 70 seconds (dimensionless).",
    SERIES,
)
SIGNAL_SAMPLES = Metric("runvitals_signal_samples_total", "counter", "Values of the signal that were seen.", SERIES)
SIGNAL_NONFINITE = Metric(
    "runvitals_signal_nonfinite_total", "counter", "Values of the signal that were NaN or infinite.", SERIES
)
SIGNAL_LATE = Metric(
    "runvitals_signal_late_total",
    "counter",
    "Values whose step was older than the newest step; counted, not scored.",
    SERIES,
)
SIGNAL_LAST_SAMPLE_TIMESTAMP = Metric(
    "runvitals_signal_last_sample_timestamp_seconds",
    "gauge",
    "Unix time of the newest value, in seconds.",
    SERIES,
)
EXPLOSION_PROBABILITY = Metric(
    "runvitals_explosion_probability",
    "gauge",
    "Probability of an explosion of the gradient within the horizon, in steps (ratio, 0 to 1); 1: that the gradient's "
    "next relative change exceeds the threshold, 50: the calibrated hazard.",
    (*RANK, "horizon"),
)
EXPLOSION_SKIPPED = Metric(
    "runvitals_explosion_skipped_changes_total",
    "counter",
    "Relative changes of the gradient norm that could not be formed, by reason; the probability rests on the others.",
    (*RANK, "reason"),
)
FAULT_ACTIVE = Metric(
    "runvitals_fault_active",
    "gauge",
    "1 while the fault is open and no cause speaks for it, and a while after it opened; 0 once it has been open.",
    FAULT,
)
FAULT_CONFIDENCE = Metric(
    "runvitals_fault_confidence_ratio", "gauge", "Confidence in the active finding (ratio, 0 to 1).", FAULT
)
FAULT_OPENED_STEP = Metric("runvitals_fault_opened_step", "gauge", "Step at which the active finding opened.", FAULT)
FAULT_OPENED_TIMESTAMP = Metric(
    "runvitals_fault_opened_timestamp_seconds",
    "gauge",
    "Unix time at which the active finding opened, in seconds.",
    FAULT,
)
FAULTS = Metric(
    "runvitals_faults",
    "gauge",
    "Number of the catalogue's faults that are ok, firing or unknown for the rank.",
    (*RANK, "state"),
)
INCIDENTS = Metric("runvitals_incidents_total", "counter", "Findings that have opened.", (*RANK, "fault", "category"))
RUN_STEP = Metric("runvitals_run_step", "gauge", "Newest step of the rank.", RANK)
RUN_LAST_STEP_TIMESTAMP = Metric(
    "runvitals_run_last_step_timestamp_seconds",
    "gauge",
    "Unix time of the newest step of the rank, in seconds.",
    RANK,
)
RUN_START_TIMESTAMP = Metric(
    "runvitals_run_start_timestamp_seconds",
    "gauge",
    "Unix time at which the rank last started, in seconds; it changes with each restart.",
    RANK,
)
REPLICA_CHECKSUM = Metric(
    "runvitals_replica_checksum",
    "gauge",
    "The rank's parameter_checksum, held for a minute or more so that ranks can be compared at the same step.",
    (*RANK, "layer"),
)
REPLICA_CHECKSUM_STEP = Metric(
    "runvitals_replica_checksum_step", "gauge", "Step of the held parameter_checksum.", (*RANK, "layer")
)
RUN_INFO = Metric(
    "runvitals_run_info",
    "gauge",
    "Constant 1; where the rank runs and how it stands (running, finished, raised, crashed, unknown).",
    (*RANK, "status", "world_size", "host", "pid"),
)
RUN_WORLD_SIZE = Metric(
    "runvitals_run_world_size",
    "gauge",
    "Number of ranks the run was started with; only while the rank runs.",
    RANK,
)
SOURCE_UP = Metric(
    "runvitals_source_up",
    "gauge",
    "1 if the source's last poll succeeded in time, 0 if not.",
    ("source", "kind"),
)
SOURCE_POLL_DURATION = Metric(
    "runvitals_source_poll_duration_seconds",
    "gauge",
    "Duration of the source's last finished poll, in seconds.",
    ("source", "kind"),
)
SOURCE_LAST_SUCCESS_TIMESTAMP = Metric(
    "runvitals_source_last_success_timestamp_seconds",
    "gauge",
    "Unix time of the source's last successful poll, in seconds.",
    ("source", "kind"),
)
SOURCE_SAMPLES = Metric(
    "runvitals_source_samples_total",
    "counter",
    "Samples and events the source delivered.",
    ("source", "kind"),
)
SOURCE_REJECTED = Metric(
    "runvitals_source_rejected_total",
    "counter",
    "What the source did not take, by reason.",
    ("source", "kind", "reason"),
)
SOURCE_SIGNAL_AVAILABLE = Metric(
    "runvitals_source_signal_available",
    "gauge",
    "1 if what the source scrapes publishes the signal, 0 if not: then it is unknown, and not healthy.",
    ("source", "kind", "signal"),
)
SERIES_DROPPED = Metric(
    "runvitals_series_dropped_samples_total",
    "counter",
    "Samples dropped because a limit on series was reached.",
    ("limit",),
)
JOURNAL_UP = Metric(
    "runvitals_journal_up", "gauge", "1 if the last attempt to write the journal of incidents succeeded, 0 if not."
)
JOURNAL_WRITTEN = Metric(
    "runvitals_journal_changes_written_total", "counter", "Changes of incidents that are in the journal, on disk."
)
JOURNAL_PENDING = Metric(
    "runvitals_journal_pending_changes", "gauge", "Changes of incidents that wait to be written to the journal."
)
JOURNAL_DROPPED = Metric(
    "runvitals_journal_changes_dropped_total",
    "counter",
    "Changes of incidents that were not taken into the journal, by reason.",
    ("reason",),
)
JOURNAL_FAILURES = Metric(
    "runvitals_journal_write_failures_total", "counter", "Attempts to write the journal that failed; each is repeated."
)
JOURNAL_PRUNED = Metric(
    "runvitals_journal_incidents_pruned_total", "counter", "Closed incidents that made room in the journal for newer."
)
JOURNAL_INCIDENTS = Metric("runvitals_journal_incidents", "gauge", "Incidents in the journal.")
JOURNAL_SIZE = Metric("runvitals_journal_size_bytes", "gauge", "Size of the journal's files, in bytes.")
ALERTMANAGER_UP = Metric(
    "runvitals_alertmanager_up",
    "gauge",
    "1 if the last post of the fast path to this Alertmanager succeeded, 0 if not; absent before the first.",
    ALERTMANAGER,
)
ALERTMANAGER_SENT = Metric(
    "runvitals_alertmanager_alerts_sent_total",
    "counter",
    "Alerts that the fast path has posted, those told again included.",
    ALERTMANAGER,
)
ALERTMANAGER_FAILURES = Metric(
    "runvitals_alertmanager_post_failures_total", "counter", "Posts of the fast path that failed.", ALERTMANAGER
)
ALERTMANAGER_REFUSED = Metric(
    "runvitals_alertmanager_alerts_refused_total",
    "counter",
    "Alerts of posts in which this Alertmanager called at least one wrong; it takes the others.",
    ALERTMANAGER,
)
ALERTMANAGER_PENDING = Metric(
    "runvitals_alertmanager_pending_alerts",
    "gauge",
    "Alerts whose opening or end this Alertmanager has not been told yet.",
    ALERTMANAGER,
)
ALERTMANAGER_LAST_SUCCESS = Metric(
    "runvitals_alertmanager_last_success_timestamp_seconds",
    "gauge",
    "Unix time of the fast path's last successful post, in seconds.",
    ALERTMANAGER,
)
ALERTMANAGER_DROPPED = Metric(
    "runvitals_alertmanager_alerts_dropped_total", "counter", "Alerts for which the fast path had no room."
)
SNAPSHOT_TIMESTAMP = Metric(
    "runvitals_snapshot_timestamp_seconds",
    "gauge",
    "Unix time at which what this page shows was taken, in seconds.",
)
STATE_SAVED_TIMESTAMP = Metric(
    "runvitals_state_last_save_timestamp_seconds",
    "gauge",
    "Unix time at which baselines, findings and positions were last saved, in seconds; absent where nothing is saved.",
)
BUILD_INFO = Metric("runvitals_build_info", "gauge", "Constant 1; the version that is running.", ("version", "python"))
CONFIG_RELOAD_SUCCESSFUL = Metric(
    "runvitals_config_last_reload_successful",
    "gauge",
    "1 if the last load of the config succeeded, 0 if it was refused.",
)
CONFIG_RELOAD_TIMESTAMP = Metric(
    "runvitals_config_last_reload_success_timestamp_seconds",
    "gauge",
    "Unix time of the last successful load of the config, in seconds.",
)

ALL: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
