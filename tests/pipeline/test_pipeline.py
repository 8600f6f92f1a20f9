"""Samples and events in, findings out: the life of a finding, and independence of how the data is cut."""

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.catalogue import faults
from runvitals.diagnosis.settings import FaultSettings, resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Event, EventKind, RunStatus, Sample, State
from tests.findings import observations
from tests.streams import any_items, healthy, samples, started

START = 1_000_000.0
OF_RANKS = sum(fault.scope == "rank" for fault in faults.ALL)


def new_pipeline(overrides=None, **ranks):
    return Pipeline(SeriesSettings(window=64, minimum=16), RankSettings(**ranks), resolve(overrides or {}))


def run_through(items, pipeline=None):
    pipeline = pipeline or new_pipeline()
    pipeline.observe(items, "test")
    return pipeline


def found(pipeline):
    return {finding.fault: finding for finding in pipeline.findings()}


def event(kind, time, **more):
    return Event(kind, "run", "0", time, **more)


def fault_active(pipeline, now):
    [rank] = pipeline.snapshot(now, (), ready=True).ranks
    return {fault: value for (fault, _, _), value in rank.fault_active.items()}


def comparable(pipeline):
    """All that is known of the findings.

    But for whether a closed one was explained to the end: its cause may be on a rank that nobody has heard for an hour,
    and that ends when somebody looks.
    """
    changes = {"explained": False, "orphaned": False}
    found = (one if one.is_open else msgspec.structs.replace(one, **changes) for one in pipeline.findings())
    return sorted(map(repr, found))


@given(any_items(), st.lists(st.integers(0, 120), max_size=8), st.booleans())
@settings(max_examples=300, deadline=None)
def test_findings_do_not_depend_on_how_samples_are_cut_into_ticks(items, cuts, advance):
    """One batch, or many with time advanced in between to what has been seen, give the same findings."""
    whole = run_through(items)
    pieces = new_pipeline()
    places = [0, *sorted(cuts), len(items)]
    newest = 0.0
    for begin, end in pairwise(places):
        pieces.observe(items[begin:end], "test")
        newest = max([newest, *(item.time for item in items[begin:end])])
        if advance and times_rise(items):
            pieces.advance(newest)
            pieces.advance(max([newest, *(item.time for item in items[end : end + 1])]))  # up to the next item
    end = max([item.time for item in items], default=0.0) + 1.0
    whole.advance(end)
    pieces.advance(end)
    assert comparable(pieces) == comparable(whole)


def times_rise(items):
    return all(one.time <= other.time for one, other in pairwise(items))


@given(any_items())
@settings(max_examples=200, deadline=None)
def test_any_stream_leaves_a_sound_page(items):
    """A snapshot can be taken, the states add up to the catalogue, and open findings are active or explained."""
    pipeline = run_through(items)
    pipeline.advance(START + 5000.0)
    snapshot = pipeline.snapshot(START + 5000.0, (), ready=True)
    for rank in snapshot.ranks:
        assert sum(rank.fault_states.values()) == OF_RANKS
        still_open = {finding.fault: finding for finding in rank.findings if finding.is_open}
        active = {fault for (fault, _, _), active in rank.fault_active.items() if active}
        assert {fault for fault, finding in still_open.items() if not finding.explained} <= active
        assert rank.fault_states[State.FIRING] == len(still_open)
        assert rank.explosion_probability is None or 0.0 <= rank.explosion_probability <= 1.0


def test_a_nan_opens_at_once_and_closes_after_recovery():
    """One NaN opens the finding at its step; sixteen finite losses in a row close it."""
    pipeline = run_through([started(), *samples("loss", [1.0, 1.1, math.nan, *healthy(15)])])
    assert (found(pipeline)["nonfinite_loss"].opened_step, found(pipeline)["nonfinite_loss"].is_open) == (3, True)
    pipeline.observe(samples("loss", [1.0], first_step=19, start=START + 18), "test")
    closed = found(pipeline)["nonfinite_loss"]
    assert (closed.closed_step, closed.closed_reason) == (19, "recovered")


def test_one_spike_of_the_gradient_norm_is_not_an_explosion_but_two_of_three_are():
    """The k of n of the catalogue decides."""
    spike = [*healthy(100), 50.0, *healthy(50, seed=4)]
    assert "gradient_explosion" not in found(run_through(samples("grad_norm", spike)))
    burst = [*healthy(100), 50.0, 1.0, 60.0, *healthy(5, seed=4)]
    assert found(run_through(samples("grad_norm", burst)))["gradient_explosion"].opened_step == 103


def test_a_finding_closes_when_its_run_ends():
    """What was open on a run that finished is closed with that reason, and the gauge falls to 0."""
    pipeline = run_through([started(), *samples("loss", [math.nan]), event(EventKind.RUN_FINISHED, START + 9)])
    finding = found(pipeline)["nonfinite_loss"]
    assert (finding.closed_reason, finding.closed_time) == ("run ended", START + 9)
    [rank] = pipeline.snapshot(START + 10, (), ready=True).ranks
    assert rank.status is RunStatus.FINISHED
    assert fault_active(pipeline, START + 10) == {"nonfinite_loss": 1}  # no scraper shall miss it
    assert fault_active(pipeline, START + 59.9) == {"nonfinite_loss": 1}
    assert fault_active(pipeline, START + 60) == {"nonfinite_loss": 0}


def test_a_crash_stays_until_the_run_starts_again():
    """`run_crashed` outlives its run, also past the ten minutes after which the series leave the page."""
    items = [started(), *samples("loss", healthy(9)), event(EventKind.RUN_CRASHED, START + 20)]
    pipeline = run_through(items)
    assert found(pipeline)["run_crashed"].opened_step == 9
    pipeline.advance(START + 3600.0)
    snapshot = pipeline.snapshot(START + 3600.0, (), ready=True)
    assert (len(snapshot.series), len(snapshot.ranks)) == (0, 1)
    pipeline.observe([started(time=START + 3601.0)], "test")
    assert found(pipeline)["run_crashed"].closed_reason == "run started again"


def test_a_crash_expires_after_a_day():
    """Nobody is reminded for ever; then the rank leaves the page."""
    pipeline = run_through([started(), event(EventKind.RUN_CRASHED, START)])
    pipeline.advance(START + 86_399.0)
    assert found(pipeline)["run_crashed"].is_open
    pipeline.advance(START + 86_400.0)
    assert not pipeline.snapshot(START + 86_400.0, (), ready=True).ranks


def test_an_end_that_was_over_before_it_was_seen_never_alerts():
    """A ring that had ended before the sidecar first saw it opens nothing."""
    pipeline = run_through([event(EventKind.RUN_CRASHED, START, seen_live=False)])
    assert not found(pipeline)


def test_an_ended_run_leaves_the_page_after_ten_minutes():
    """Its series and its rank are forgotten."""
    pipeline = run_through([started(), *samples("loss", healthy(9)), event(EventKind.RUN_FINISHED, START + 9)])
    pipeline.advance(START + 608.0)
    assert len(pipeline.snapshot(START, (), ready=True).series) == 1
    pipeline.advance(START + 609.0)
    snapshot = pipeline.snapshot(START, (), ready=True)
    assert (snapshot.series, snapshot.ranks) == ((), ())


def test_a_stall_opens_when_the_step_is_overdue_and_closes_with_the_next():
    """Steps a second apart, then silence: open 60 s later, closed by the next step."""
    items = [started(), *samples("loss", healthy(100))]
    pipeline = run_through(items)
    last = items[-1].time
    pipeline.advance(last + 59.0)
    assert "hang" not in found(pipeline)
    pipeline.advance(last + 75.0)
    assert found(pipeline)["hang"].opened_time == last + 60.0
    pipeline.observe(samples("loss", [1.0], first_step=101, start=last + 80.0), "test")
    assert not found(pipeline)["hang"].is_open


def test_a_run_whose_hooks_are_off_does_not_hang():
    """Its silence tells nothing, until steps come again."""
    mark = event(EventKind.MARK, START + 101.0, fields={"kind": "unwatched"})
    pipeline = run_through([started(), *samples("loss", healthy(100)), mark])
    pipeline.advance(START + 90_000.0)
    assert "hang" not in found(pipeline)
    pipeline.observe(samples("loss", healthy(20), first_step=101, start=START + 90_001.0), "test")
    pipeline.advance(START + 180_000.0)
    assert found(pipeline)["hang"].is_open


def test_a_source_that_is_behind_makes_nobody_look_stalled():
    """Time passes for a rank only as far as its source has been read."""
    pipeline = run_through([started(), *samples("loss", healthy(100))])
    pipeline.advance(START + 5000.0, {"test": START + 120.0})
    assert "hang" not in found(pipeline)


def test_a_declared_phase_and_a_resume_are_no_anomaly():
    """After the mark another level is the new normal, and warms up again; a resume at another level lost its state."""
    for kind, expected in ((EventKind.PHASE, set()), (EventKind.RESUME, {"resume_lost_state"})):
        items = [*samples("loss", healthy(100)), event(kind, START + 100)]
        items += samples("loss", healthy(100, level=40.0), first_step=101, start=START + 101)
        assert set(found(run_through(items))) == expected


def test_a_restarted_run_begins_a_new_segment():
    """The same run and rank again, from step 1 and at another level, is no spike and not late."""
    items = [started(), *samples("loss", healthy(100))]
    items += [started(time=START + 120), *samples("loss", healthy(50, level=40.0), start=START + 121)]
    pipeline = run_through(items)
    [series] = pipeline.snapshot(START + 300, (), ready=True).series
    assert (found(pipeline), series.late, series.window_samples) == ({}, 0, 49)


def test_unknown_is_counted_as_unknown():
    """Without any signal everything is unknown but what a running process shows by itself."""
    pipeline = run_through([started()])
    [rank] = pipeline.snapshot(START, (), ready=True).ranks
    assert rank.fault_states == {State.OK: 2, State.FIRING: 0, State.UNKNOWN: OF_RANKS - 2}


def test_overrides_apply_and_a_disabled_fault_stays_unknown():
    """Severity and thresholds come from the config; what is switched off never opens."""
    overrides = {
        "nonfinite_loss": FaultSettings(severity="warning"),
        "loss_spike": FaultSettings(enabled=False),
    }
    items = [*samples("loss", [*healthy(100), 90.0, math.nan])]
    findings = found(run_through(items, new_pipeline(overrides)))
    assert {name: finding.severity for name, finding in findings.items()} == {"nonfinite_loss": "warning"}


def test_a_reload_keeps_series_and_findings():
    """Other thresholds apply from the next sample on; windows and open findings stay."""
    pipeline = run_through(samples("loss", [*healthy(100), math.nan]))
    table = resolve({"loss_spike": FaultSettings(thresholds={"robust_zscore": 1e6})})
    pipeline.reconfigure(SeriesSettings(window=64, minimum=16), RankSettings(), table)
    pipeline.observe(samples("loss", [500.0], first_step=102, start=START + 102), "test")
    assert set(found(pipeline)) == {"nonfinite_loss"}
    [series] = pipeline.snapshot(START, (), ready=True).series
    assert series.window_samples == 64


def test_a_second_live_writer_is_a_finding_until_the_run_ends():
    """It says whose samples are not taken; the end of the run closes it."""
    pipeline = run_through([started(), event(EventKind.DUPLICATE_WRITER, START + 1, text="pid 77 beside pid 1")])
    assert "pid 77 beside pid 1" in found(pipeline)["duplicate_writer"].evidence[0].sentence
    pipeline.observe([event(EventKind.RUN_FINISHED, START + 2)], "test")
    assert found(pipeline)["duplicate_writer"].closed_reason == "run ended"


def test_a_raised_run_says_what_it_raised():
    """The exception's type is in the evidence."""
    pipeline = run_through([started(), event(EventKind.RUN_RAISED, START, text="OutOfMemoryError")])
    assert "OutOfMemoryError" in found(pipeline)["run_crashed"].evidence[0].sentence


def test_the_number_of_ranks_is_bounded():
    """What is over the limit is dropped and counted."""
    pipeline = new_pipeline(max_ranks=3)
    for rank in range(5):
        pipeline.observe([Sample("run", str(rank), "loss", "", START, 1, 1.0)], "test")
    snapshot = pipeline.snapshot(START, (), ready=True)
    assert (len(snapshot.ranks), snapshot.dropped) == (3, {"rank": 2})


def test_one_source_cannot_take_all_the_room():
    """Names that anyone can send by StatsD leave room for the ranks of the rings; what has left makes room again."""
    pipeline = new_pipeline(max_ranks=4, max_ranks_per_source=2)
    for rank in range(5):
        pipeline.observe([Sample("flood", str(rank), "loss", "", START, 1, 1.0)], "statsd")
    pipeline.observe([started(), *samples("loss", [1.0])], "ring")
    assert [rank.run for rank in pipeline.snapshot(START, (), ready=True).ranks] == ["flood", "flood", "run"]
    pipeline.advance(START + 3601.0)
    pipeline.observe([Sample("late", "0", "loss", "", START + 3602, 1, 1.0)], "statsd")
    assert [rank.run for rank in pipeline.snapshot(START, (), ready=True).ranks] == ["run", "late"]


def test_the_steps_of_a_rank_are_those_of_its_loss():
    """A signal that counts tokens instead of steps neither moves the rank's step nor hides a stall."""
    items = [started(), *samples("loss", healthy(100))]
    tokens = Sample("run", "0", "eval_loss", "", START + 50, 1_000_000, 1.0)
    pipeline = run_through([*items[:51], tokens, *items[51:]])
    assert pipeline.snapshot(START, (), ready=True).ranks[0].step == 100
    pipeline.advance(START + 99.0 + 75.0)
    assert found(pipeline)["hang"].opened_step == 100


def test_a_level_that_stays_up_has_not_recovered():
    """A loss that is up for good closes a window later, as a new level and not as a recovery."""
    items = samples("loss", [*healthy(100, spread=0.05), *healthy(300, seed=9, level=2.3, spread=0.05)])
    finding = found(run_through(items))["loss_spike"]
    assert (finding.closed_reason, finding.opened_step) == ("settled at a new level", 101)


def test_a_rank_whose_end_nobody_reports_leaves_when_it_is_silent():
    """A StatsD rank goes an hour after its last value."""
    pipeline = run_through(samples("loss", healthy(3)))
    pipeline.advance(START + 3000.0)
    assert pipeline.snapshot(START, (), ready=True).ranks
    pipeline.advance(START + 3700.0)
    assert not pipeline.snapshot(START, (), ready=True).ranks


def test_evidence_is_bounded_and_keeps_the_first_and_the_newest():
    """A thousand NaN leave a handful of pieces of evidence."""
    finding = found(run_through(samples("loss", [math.nan, math.inf] * 500)))["nonfinite_loss"]
    seen = observations(finding)
    assert len(seen) == 4
    assert (seen[0].step, seen[-1].step) == (1, 1000)


@pytest.mark.parametrize("signal", ["loss", "grad_norm"])
def test_a_layer_of_its_own_is_no_fault_of_the_rank(signal):
    """Per-layer signals have series; the faults of this version are those of the whole rank."""
    items = [item._replace(layer="h.3") for item in samples(signal, [*healthy(100), math.nan])]
    assert not found(run_through(items))


def test_a_run_that_is_heard_again_goes_on_where_it_was():
    """After silence on a file system without locks, baselines and findings are those from before."""
    items = [started(), *samples("loss", [*healthy(50), math.nan])]
    items += [event(EventKind.RUN_UNKNOWN, START + 400), event(EventKind.RUN_HEARD_AGAIN, START + 500)]
    pipeline = run_through(items)
    [rank] = pipeline.snapshot(START + 500, (), ready=True).ranks
    assert rank.status is RunStatus.RUNNING
    assert found(pipeline)["nonfinite_loss"].is_open
    [series] = pipeline.snapshot(START + 500, (), ready=True).series
    assert series.window_samples == 50


def stalled():
    """A run that has been stalled since 60 s after its last step."""
    items = [started(), *samples("loss", healthy(100))]
    pipeline = run_through(items)
    pipeline.advance(items[-1].time + 61.0)
    assert found(pipeline)["hang"].is_open
    return pipeline


def test_a_stall_outlives_a_restart_before_its_source_has_answered():
    """Until the source has been read nothing is known of now: the finding is not closed and opened again."""
    pipeline = stalled()
    pipeline.advance(START + 200.0, {"test": 0.0})
    assert [one.is_open for one in pipeline.findings()] == [True]


def test_a_stall_closes_with_the_next_step_though_the_clock_went_back():
    """A step is a step, whatever its time says."""
    pipeline = stalled()
    pipeline.observe(samples("loss", [1.0], first_step=101, start=START - 86_400.0), "test")
    assert not found(pipeline)["hang"].is_open


def test_a_stall_is_found_though_nobody_looked_before_the_run_ended():
    """A hung run that was killed: a replay, which sees the end at once, finds what the live watch found."""
    pipeline = run_through([started(), *samples("loss", healthy(100)), event(EventKind.RUN_CRASHED, START + 900.0)])
    assert found(pipeline)["hang"].opened_time == START + 99.0 + 60.0
    assert found(pipeline)["hang"].closed_reason == "run ended"


def test_a_rank_whose_source_is_gone_is_unknown_and_leaves_in_the_end():
    """After a reload without its source nobody can tell whether it runs: it is not stalled, and not there for ever."""
    pipeline = run_through([started(), *samples("loss", healthy(100))])
    pipeline.advance(START + 3000.0, {"another": START + 3000.0})
    [rank] = pipeline.snapshot(START, (), ready=True).ranks
    assert (rank.status, found(pipeline), rank.fault_states[State.OK]) == (RunStatus.UNKNOWN, {}, 0)
    pipeline.advance(START + 3700.0, {"another": START + 3700.0})
    assert not pipeline.snapshot(START, (), ready=True).ranks


def test_what_a_rank_was_before_it_left_the_page_is_forgotten_whether_anyone_looked_or_not():
    """Samples long after the end are those of another run: they warm up again."""
    items = [started(), *samples("loss", healthy(100)), event(EventKind.RUN_FINISHED, START + 100.0)]
    pipeline = run_through([*items, *samples("loss", [500.0], first_step=101, start=START + 800.0)])
    assert not found(pipeline)


def test_a_fault_that_is_switched_off_while_open_is_closed():
    """Nobody watches for its recovery any more."""
    pipeline = run_through(samples("loss", [math.nan]))
    pipeline.reconfigure(SeriesSettings(), RankSettings(), resolve({"nonfinite_loss": FaultSettings(enabled=False)}))
    assert found(pipeline)["nonfinite_loss"].closed_reason == "switched off"


def test_a_state_that_knows_other_faults_is_taken_over():
    """After an update a fault may be new, gone, or watched by another detector: that one begins anew."""
    pipeline = run_through([*samples("loss", [*healthy(100), math.nan])])
    state = pipeline.state()
    [rank] = state.ranks
    rank.detectors["gone"] = rank.detectors.pop("loss_spike")
    rank.detectors["gradient_explosion"] = rank.detectors["nonfinite_loss"]
    rank.diagnosis.trackers["gone"] = rank.diagnosis.trackers.pop("nonfinite_loss")
    rank.diagnosis.open["gone"] = rank.diagnosis.open.pop("nonfinite_loss")
    restored = new_pipeline()
    restored.restore(state)
    restored.observe(samples("loss", [1.0, math.nan], first_step=102, start=START + 102), "test")
    assert [one.is_open for one in restored.findings()] == [True, False]


def test_a_run_that_is_heard_again_keeps_its_host_and_pid():
    """Where nothing tells whether it lives, silence and its end come as events without these."""
    pipeline = run_through(
        [started(), event(EventKind.RUN_UNKNOWN, START), event(EventKind.RUN_HEARD_AGAIN, START + 1.0)]
    )
    [rank] = pipeline.snapshot(START + 2.0, (), ready=True).ranks
    assert (rank.status, rank.info["host"]) == (RunStatus.RUNNING, "here")


def test_a_log_ends_no_run_of_which_a_ring_reports_the_end():
    """Who saw the run start knows how it stands: not the source that reads what it printed."""
    pipeline = run_through([started(), *samples("loss", healthy(10))])
    for kind in (EventKind.RUN_HEARD_AGAIN, EventKind.RUN_UNKNOWN, EventKind.RUN_RAISED, EventKind.RUN_FINISHED):
        pipeline.observe([event(kind, START + 11.0)], "logs")
        [rank] = pipeline.snapshot(START + 11.0, (), ready=True).ranks
        assert (rank.status, rank.start_time) == (RunStatus.RUNNING, START - 1.0)
    assert found(pipeline) == {}


@pytest.mark.parametrize("kind", [EventKind.XID, EventKind.OUT_OF_MEMORY])
def test_evidence_that_was_not_seen_live_opens_nothing(kind):
    """A line of an old log is no news."""
    evidence = event(kind, START, fields={"xid": "79", "gpu": "gpu0"})
    assert found(run_through([msgspec.structs.replace(evidence, seen_live=False)])) == {}
    assert found(run_through([evidence])) != {}
