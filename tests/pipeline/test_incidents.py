"""What happens to findings is handed over: once each, with what led to it, however the data is cut."""

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.diagnosis.decisions import MAX_FALSE_ALARMS, FalseAlarmSettings
from runvitals.diagnosis.rank_diagnosis import FALSE_ALARM, RESOLVED
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline.checkpoint import Checkpoint
from runvitals.pipeline.flight_recorder import MAX_SAMPLES, RECORDS, RECORDS_AFTER
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.sinks.encoding import onset_to_text
from runvitals.values import Action, ChangeKind, Decision, Event, EventKind, Finding, Sample
from tests.findings import observations
from tests.streams import any_items, healthy, samples, started

START = 1_000_000.0


class Reported:
    """A pipeline and what it has handed over."""

    def __init__(self, saved=None):
        self.changes = []
        self.pipeline = Pipeline(
            SeriesSettings(window=64, minimum=16),
            RankSettings(),
            resolve({}),
            self.changes.append,
            FalseAlarmSettings(factor=2.0),
        )
        if saved is not None:
            self.pipeline.restore(saved)

    def observe(self, items):
        self.pipeline.observe(items, "test")
        return self

    def decide(self, action, finding, time=START + 5000.0):
        return self.observe([Decision(action, finding, time)])

    def kinds(self):
        return [(change.finding.fault, change.kind.value) for change in self.changes if change.sentence]

    def open(self):
        return {finding.fault: finding for finding in self.pipeline.findings() if finding.is_open}

    def shown(self):
        return self.pipeline.snapshot(START, (), ready=True)


def told(changes):
    """All that a journal would keep of these changes."""
    return [
        (*msgspec.structs.astuple(change)[:-1], None if change.onset is None else onset_to_text(change.onset))
        for change in changes
    ]


@given(any_items(), st.lists(st.integers(0, 120), max_size=8))
@settings(max_examples=200, deadline=None)
def test_changes_do_not_depend_on_how_samples_are_cut_into_ticks(items, cuts):
    """One batch or many: the same changes in the same order, with the same samples around the onset."""
    whole, pieces = Reported().observe(items), Reported()
    for begin, end in pairwise([0, *sorted(cuts), len(items)]):
        pieces.observe(items[begin:end])
    assert repr(told(pieces.changes)) == repr(told(whole.changes))


@given(st.lists(st.sampled_from([0.1, 1.0, 70.0, 2000.0]), max_size=80), st.lists(st.integers(0, 80), max_size=8))
@settings(max_examples=100, deadline=None)
def test_changes_do_not_depend_on_when_time_passes(gaps, cuts):
    """Steps at odd intervals, with time advanced between them or not: stalls are told alike."""
    items, time = [started(time=START - 1.0)], START
    for step, gap in enumerate(gaps):
        time += gap
        items.append(Sample("run", "0", "loss", "", time, step, 1.0 + step % 3))
    whole, pieces = Reported().observe(items), Reported()
    for begin, end in pairwise([0, *sorted(cuts), len(items)]):
        pieces.observe(items[begin:end])
        for item in items[end : end + 1]:
            pieces.pipeline.advance(item.time)
    assert repr(told(pieces.changes)) == repr(told(whole.changes))


@given(any_items(), any_items())
@settings(max_examples=60, deadline=None)
def test_a_restored_pipeline_hands_over_what_the_other_would_have(before, after):
    """Flight recorder and onsets that are not complete survive a restart."""
    one = Reported().observe(before)
    saved = checkpoint.Checkpoint(one.pipeline.state(), {}, 0.0)
    data = msgspec.msgpack.encode(saved, enc_hook=checkpoint._encode)
    other = Reported(msgspec.msgpack.decode(data, type=Checkpoint, dec_hook=checkpoint._decode).pipeline)
    one.changes.clear()
    one.observe(after)
    other.observe(after)
    # Scores are compared to a few digits: sums may be taken anew after a restart.
    assert [(c.kind, c.finding.id, c.time, c.onset and len(c.onset)) for c in other.changes] == [
        (c.kind, c.finding.id, c.time, c.onset and len(c.onset)) for c in one.changes
    ]


def test_what_a_run_did_about_a_finding_is_told():
    """An action is a change of the finding that it names, while that is open; any other mark is none."""

    def act(identity, step):
        fields = {"kind": "action"}
        return Event(EventKind.MARK, "run", "0", START + 9.0, step, f"{identity} checkpoint on x: saved", fields)

    reported = Reported().observe([started(), *samples("loss", [1.0, math.nan])])
    finding = reported.open()["nonfinite_loss"]
    reported.changes.clear()
    reported.observe([act("another", 3), msgspec.structs.replace(act(finding.id, 3), fields={"kind": "other"})])
    assert not reported.kinds()
    reported.observe([act(finding.id, 3)])
    [change] = reported.changes
    assert (change.kind, change.finding.id, change.step) == (ChangeKind.CHANGED, finding.id, 3)
    assert change.sentence == "action: checkpoint on x: saved"


def test_the_life_of_a_finding_is_handed_over_change_by_change():
    """Opened, then each new piece of evidence, then closed; a thousand NaN are no thousand changes."""
    reported = Reported().observe(samples("loss", [*healthy(5), *[math.nan, math.inf] * 500, *healthy(20)]))
    kinds = reported.kinds()
    assert kinds[0] == ("nonfinite_loss", "opened")
    assert kinds[-1] == ("nonfinite_loss", "closed")
    assert kinds[1:-1] == [("nonfinite_loss", "changed")] * 3
    [first, *_] = reported.changes
    assert first.finding.is_open  # a copy of then, not what it has become
    assert len(observations(first.finding)) == 1


def test_the_onset_shows_what_led_to_the_opening_and_later_what_followed():
    """The last steps before, the opening step itself, and once they have come the first after it."""
    values = [*healthy(200), math.nan, *healthy(100, seed=2)]
    items = [
        item for pair in zip(samples("loss", values), samples("grad_norm", [1.0] * 301), strict=True) for item in pair
    ]
    reported = Reported().observe(items)
    with_onset = [change for change in reported.changes if change.onset is not None]
    assert [change.kind for change in with_onset] == [ChangeKind.OPENED, ChangeKind.CHANGED]
    before, after = ([sample.step for sample in change.onset if sample.signal == "loss"] for change in with_onset)
    assert before == list(range(201 - RECORDS + 1, 202))
    assert (len(after), after[-1]) == (RECORDS, 217)
    lasting = Reported().observe(samples("loss", [*healthy(200), *[math.nan] * 50]))
    onset = [change.onset for change in lasting.changes if change.onset is not None][-1]
    assert (onset[-1].step, len(onset)) == (201 + RECORDS_AFTER, RECORDS)


def test_the_flight_recorder_is_bounded():
    """A step that reports hundreds of signals keeps the first of them; layers are not kept."""
    items = [Sample("run", "0", f"signal {number}", "", START, 1, 1.0) for number in range(500)]
    items += [Sample("run", "0", "loss", "h.0", START, 1, 1.0), Sample("run", "0", "loss", "", START + 1, 2, math.nan)]
    [change] = Reported().observe(items).changes
    assert len(change.onset) == MAX_SAMPLES + 1
    recorder = Reported().observe(samples("loss", healthy(10_000))).pipeline.rank_of(items[0]).recorder
    assert len(recorder.records) < 2 * RECORDS


def test_what_a_record_holds_before_the_loss_is_recorded_with_its_step():
    """A rank comes to a step with its loss; a learning rate that is logged before it belongs to that step too."""
    items = []
    for step in range(1, 5):
        items += [Sample("run", "0", name, "", START + step, step, 1.0) for name in ("learning_rate", "loss")]
    recorder = Reported().observe(items).pipeline.rank_of(items[0]).recorder
    for record in recorder.records[1:]:
        assert [one.signal for one in record.samples] == ["learning_rate", "loss"]
    assert [record.step for record in recorder.records] == [1, 2, 3, 4]


def test_signals_without_steps_are_recorded_too():
    """A server has no steps: its moments are kept."""
    items = [item._replace(step=None) for item in samples("loss", [*healthy(40), math.nan])]
    [change] = Reported().observe(items).changes
    assert len(change.onset) == 41


def test_a_crash_has_one_name_whenever_it_is_found():
    """A sidecar that was killed finds the dead process again, later: it is the same incident."""
    names = set()
    for found_at in (50.0, 90.0):
        crash = Event(EventKind.RUN_CRASHED, "run", "0", START + found_at)
        names.add(Reported().observe([started(), *samples("loss", healthy(9)), crash]).open()["run_crashed"].id)
    assert len(names) == 1


def test_an_operator_resolves_a_finding_and_it_stays_resolved_until_it_has_recovered():
    """It closes with that reason; what still fires opens nothing; the next time is an incident of its own."""
    reported = Reported().observe(samples("loss", [*healthy(20), math.nan]))
    first = reported.open()["nonfinite_loss"]
    reported.decide(Action.RESOLVE, first, START + 30.0)
    assert (reported.changes[-1].finding.closed_reason, reported.changes[-1].time) == (RESOLVED, START + 30.0)
    reported.observe(samples("loss", [math.nan] * 10, first_step=30, start=START + 31))
    assert not reported.open()
    reported.observe(samples("loss", [*healthy(20), math.nan], first_step=40, start=START + 41))
    assert reported.open()["nonfinite_loss"].id != first.id


def test_a_resolved_stall_does_not_come_back_with_the_next_tick():
    """The clock goes on, and the stall with it: it was resolved."""
    reported = Reported().observe([started(), *samples("loss", healthy(100))])
    reported.pipeline.advance(START + 500.0)
    reported.decide(Action.RESOLVE, reported.open()["hang"], START + 500.0)
    reported.pipeline.advance(START + 900.0)
    assert not reported.open()


def spikes(*heights):
    """Losses around 1 with spikes of these heights, far enough from each other to be findings of their own."""
    values = healthy(100)
    for height in heights:
        values += [height, *healthy(40, seed=int(height))]
    return samples("loss", values)


def test_a_false_alarm_raises_the_bar_of_that_fault_on_that_signal_of_that_run():
    """A spike like it opens nothing any more, a far higher one does; another run is judged as before."""
    items = spikes(4.0, 4.0, 4000.0)
    reported = Reported().observe(items[:102])
    false_alarm = reported.open()["loss_spike"]
    reported.decide(Action.FALSE_ALARM, false_alarm, items[101].time)
    assert reported.changes[-1].finding.closed_reason == FALSE_ALARM
    [shown] = reported.shown().false_alarms
    [bar] = shown.bars
    assert (bar.incident, bar.signal, bar.score) == (false_alarm.id, "loss", 2.0 * false_alarm.score)
    assert not shown.is_open
    reported.observe(items[102:182])
    assert not reported.open()
    reported.observe(items[182:183])
    assert reported.open()["loss_spike"].score > bar.score
    reported.observe(item._replace(run="other") for item in items[:102])
    assert any(finding.run == "other" for finding in reported.pipeline.findings() if finding.is_open)


def test_a_false_alarm_is_undone_and_survives_a_restart_until_then():
    """After a restart the bar is the same; taken back, the same spike is a finding again."""
    items = spikes(4.0, 4.0, 4.0)
    reported = Reported().observe(items[:102])
    false_alarm = reported.open()["loss_spike"]
    reported.decide(Action.FALSE_ALARM, false_alarm)
    restored = Reported(reported.pipeline.state())
    restored.observe(items[102:150])
    assert "loss_spike" not in {change.finding.fault for change in restored.changes}
    restored.decide(Action.UNDO_FALSE_ALARM, false_alarm)
    assert not restored.shown().false_alarms
    restored.observe(items[150:183])
    assert "loss_spike" in {change.finding.fault for change in restored.changes}


def test_without_a_score_a_false_alarm_asks_for_more_of_it():
    """One NaN was called a false alarm: from then on it takes two in a row."""
    reported = Reported().observe(samples("loss", [*healthy(20), math.nan]))
    reported.decide(Action.FALSE_ALARM, reported.open()["nonfinite_loss"], START + 25.0)
    more = samples("loss", [*healthy(20), math.nan, *healthy(5), math.nan, math.nan], first_step=30, start=START + 30)
    reported.observe(more[:-1])
    assert not reported.open()
    reported.observe(more[-1:])
    assert "nonfinite_loss" in reported.open()


def test_a_false_alarm_on_no_signal_closes_and_raises_nothing():
    """A crash rests on an event: there is no bar to raise."""
    reported = Reported().observe([started(), Event(EventKind.RUN_CRASHED, "run", "0", START)])
    reported.decide(Action.FALSE_ALARM, reported.open()["run_crashed"])
    assert not reported.open()
    assert reported.shown().false_alarms[0].bars == []


def test_a_decision_that_is_read_before_its_finding_holds():
    """After a kill the decision may come before the ring is read again: the finding closes as it opens."""
    items = samples("loss", [*healthy(20), math.nan, *healthy(3)])
    known = Reported().observe(items).open()["nonfinite_loss"]
    again = Reported().decide(Action.RESOLVE, known, START + 40.0).observe(items)
    assert not again.open()
    assert again.kinds() == [("nonfinite_loss", "opened"), ("nonfinite_loss", "closed")]
    assert again.changes[-1].finding.closed_reason == RESOLVED


def test_a_decision_about_a_run_that_has_left_makes_no_rank():
    """The bar is kept for when the run comes back; nothing else is known of it."""
    known = Reported().observe(spikes(4.0)[:102]).open()["loss_spike"]
    reported = Reported().decide(Action.FALSE_ALARM, known)
    assert not reported.shown().ranks
    reported.observe(spikes(4.0))
    assert "loss_spike" not in {change.finding.fault for change in reported.changes}


def test_false_alarms_are_bounded():
    """The oldest goes, and is counted."""
    reported = Reported()
    for number in range(MAX_FALSE_ALARMS + 5):
        finding = Finding(f"{number}", "loss_spike", "", "", "run", "0", START, None, 1.0, [], "")
        reported.decide(Action.FALSE_ALARM, finding)
    assert len(reported.shown().false_alarms) == MAX_FALSE_ALARMS
    assert reported.shown().dropped == {"false_alarm": 5}


@pytest.mark.parametrize("factor", [0.5, 1000.0, math.nan])
def test_a_factor_that_makes_no_sense_is_refused(factor):
    """A bar is never lowered by a false alarm."""
    with pytest.raises(ValueError, match="factor"):
        FalseAlarmSettings(factor=factor)


def test_the_same_nan_is_one_piece_of_evidence():
    """NaN does not equal itself; a line that is read once more after a restart is no news all the same."""
    items = samples("loss", [1.0, float("nan")])
    again = items[-1]._replace(value=float("nan"))
    reported = Reported().observe([*items, items[-1]._replace(value=1.0), again])
    assert reported.kinds() == [("nonfinite_loss", "opened")]
