"""Sources in threads of their own: one that hangs or fails harms nobody, and nothing is lost over a restart."""

import threading
import time

import pytest

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline import live as live_pipeline
from runvitals.pipeline.live import LivePipeline
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Poll, Sample
from tests.streams import samples, started


class Counting:
    """A source that delivers 1, 2, 3, … and whose position is how far it came."""

    kind = "counting"
    listens = False
    interval = 0.01

    def __init__(self, name="counting"):
        self.name, self.count, self.closed = name, 0, False

    def poll(self, now):
        self.count += 1
        sample = Sample("run", self.name, "count", "", now, self.count, float(self.count))
        return Poll(items=[sample], rejected={"odd": 1}, position={"count": self.count})

    def restore(self, position):
        if not isinstance(position, dict):
            raise ValueError("not a position")  # noqa: TRY004  # as the protocol says
        self.count = position["count"]

    def close(self):
        self.closed = True


class Failing(Counting):
    """A source that is down every other time."""

    def poll(self, now):
        if self.count % 2:
            self.count += 1
            raise OSError("the disk is gone")
        return super().poll(now)


class Hanging(Counting):
    """A source whose poll does not come back until it is released."""

    def __init__(self, name="hanging"):
        super().__init__(name)
        self.release = threading.Event()

    def poll(self, now):
        self.release.wait()
        return super().poll(now)


def new_live(state_file=None, save_seconds=3600.0):
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    return LivePipeline(pipeline, 0.02, state_file, save_seconds)


def wait_for(condition, what):
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def samples_of(live, name):
    snapshot = live.snapshot
    return next((one.samples for one in snapshot.series if one.rank == name), 0) if snapshot else 0


def source_view(live, name):
    return next(one for one in live.snapshot.sources if one.name == name)


def test_a_hanging_and_a_failing_source_leave_the_others_alone():
    """The good source goes on; the others are shown for what they are; not being ready yet is said."""
    good, failing, hanging = Counting("good"), Failing("failing"), Hanging()
    live = new_live()
    live.start([good, failing, hanging])
    try:
        wait_for(lambda: samples_of(live, "good") >= 20 and samples_of(live, "failing") >= 3, "samples")
        wait_for(lambda: "the disk is gone" in source_view(live, "failing").error, "the error to be shown")
        assert source_view(live, "good").up
        assert source_view(live, "good").rejected["odd"] >= 20
        assert (source_view(live, "hanging").up, live.snapshot.ready) == (False, False)
    finally:
        hanging.release.set()
        live.stop()
    assert good.closed
    assert failing.closed


class Partial(Counting):
    """A source that cannot read a part of what it should."""

    def poll(self, now):
        poll = super().poll(now)
        poll.error = "/runs/a.log: permission denied"
        return poll


def test_a_source_that_reads_only_a_part_is_down_with_its_reason_and_what_it_read_counts():
    """What one file brings is taken in, while another cannot be read."""
    live = new_live()
    live.start([Partial()])
    wait_for(lambda: samples_of(live, "counting") > 0, "samples")
    wait_for(lambda: source_view(live, "counting").error, "its error")
    view = source_view(live, "counting")
    live.stop()
    assert (view.up, view.error) == (False, "/runs/a.log: permission denied")


def test_stopping_drains_and_saves_and_the_next_one_goes_on(tmp_path):
    """What a source delivered until the end is in the state, with the position that fits it; nothing counts twice."""
    file = tmp_path / "state.msgpack"
    one, first = Counting(), new_live(file)
    first.start([one])
    wait_for(lambda: samples_of(first, "counting") >= 5, "samples")
    first.stop()
    saved = checkpoint.load(file)
    assert first.snapshot.state_saved is None  # it was saved once, after the last snapshot
    assert saved.positions == {"counting": {"count": one.count}}
    second, other = new_live(file), Counting()
    second.restore(saved)
    second.start([other])
    wait_for(lambda: samples_of(second, "counting") > one.count, "more samples")
    second.stop()
    assert samples_of(second, "counting") == other.count


def test_a_position_that_is_none_means_beginning_anew(tmp_path, caplog):
    """It is said, and the source is polled from its beginning."""
    live, source = new_live(tmp_path / "state.msgpack"), Counting()
    live.restore(checkpoint.Checkpoint(live._pipeline.state(), {"counting": "nonsense"}, 0.0))
    live.start([source])
    wait_for(lambda: samples_of(live, "counting") >= 1, "samples")
    live.stop()
    assert "begins anew" in caplog.text


def test_a_stop_does_not_wait_for_a_source_that_hangs():
    """It gives up after its deadline and saves what there is."""
    hanging, live = Hanging(), new_live()
    live.start([hanging])
    live.stop()
    hanging.release.set()


def test_a_state_that_cannot_be_saved_is_said_and_the_watch_goes_on(tmp_path, caplog):
    """A full or vanished state folder harms nothing else."""
    live = new_live(tmp_path / "gone" / "state.msgpack", save_seconds=0.01)
    live.start([Counting()])
    wait_for(lambda: samples_of(live, "counting") >= 5, "samples")
    live.stop()
    assert "could not be saved" in caplog.text


def test_sources_are_replaced_while_the_series_stay():
    """After a change one source is gone, one is new, and what the first brought is still there."""
    old, new, live = Counting("old"), Counting("new"), new_live()
    live.start([old])
    wait_for(lambda: samples_of(live, "old") >= 3, "samples")
    live.reconfigure(lambda pipeline: None, {"new": new}, {"new"}, 0.02)
    wait_for(lambda: samples_of(live, "new") >= 3, "samples of the new source")
    live.stop()
    assert old.closed
    assert samples_of(live, "old") == old.count
    assert [one.name for one in live.snapshot.sources] == ["new"]


@pytest.mark.slow
def test_a_poll_that_does_not_come_back_is_an_outage():
    """A source that answered once and then hangs for long is shown as down, with the reason."""
    hanging, live = Hanging(), new_live()
    hanging.release.set()
    live.start([hanging])
    wait_for(lambda: samples_of(live, "hanging") >= 1 and source_view(live, "hanging").up, "the first answer")
    hanging.release.clear()
    wait_for(lambda: "no poll has finished" in source_view(live, "hanging").error, "the outage")
    hanging.release.set()
    live.stop()


def test_a_changed_source_goes_on_where_the_last_one_ended():
    """The last batch of the old one is taken in before the new one asks for its position: nothing counts twice."""
    old, live = Counting(), new_live()
    live.start([old])
    wait_for(lambda: samples_of(live, "counting") >= 3, "samples")
    for _ in range(5):
        live.reconfigure(lambda pipeline: None, {"counting": (new := Counting())}, {"counting"}, 0.02)
    wait_for(lambda: samples_of(live, "counting") > new.count - 3, "samples of the new source")
    live.stop()
    [series] = [one for one in live.snapshot.series if one.rank == "counting"]
    assert (series.samples, series.late) == (new.count, 0)


def test_a_change_that_fails_is_told_and_the_watch_goes_on():
    """Whoever asked hears why; the sources are polled on."""
    source, live = Counting(), new_live()
    live.start([source])

    def refuse(pipeline):
        raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing"):
        live.reconfigure(refuse, {}, {"counting"}, 0.02)
    before = source.count
    wait_for(lambda: source.count > before + 2, "further polls")
    live.stop()


def test_a_state_that_cannot_be_encoded_does_not_end_the_watch(tmp_path, caplog):
    """A position with a number that no state file can hold is said, and the page goes on."""
    source, live = Counting(), new_live(tmp_path / "state.msgpack", save_seconds=0.05)
    live.start([source])
    wait_for(lambda: samples_of(live, "counting") >= 1, "samples")
    live._positions["hostile"] = {"skipped": 10**30}
    wait_for(lambda: "could not be saved" in caplog.text, "the failure")
    before = samples_of(live, "counting")
    wait_for(lambda: samples_of(live, "counting") > before, "further samples")
    live.stop()


def test_a_clock_that_is_set_back_or_forward_is_no_outage(tmp_path):
    """The wall clock may jump by a day: sources stay up, and the state is still saved."""
    clock, file = [1e9], tmp_path / "state.msgpack"
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    pipeline.observe([started(rank="hung", time=1e9), *samples("loss", [1.0] * 20, rank="hung", start=1e9)], "counting")
    live = LivePipeline(pipeline, 0.02, file, 0.1, clock=lambda: clock[0])
    live.start([Counting()])
    for jump in (86_400.0, -2 * 86_400.0):
        wait_for(lambda: live.snapshot and live.snapshot.ready, "the source")
        clock[0] += jump
        wait_for(lambda: live.snapshot.time == clock[0], "the page after the jump")
        assert source_view(live, "counting").up
        file.unlink(missing_ok=True)
        wait_for(file.exists, "the state to be saved")
    live.stop()
    assert not any(rank.findings for rank in live.snapshot.ranks)  # nobody is stalled by that


class OfBefore(Counting):
    """A source whose samples are dated by a clock that is a day ahead, as when it has just been set back."""

    def poll(self, now):
        poll = super().poll(now + 86_400.0)
        return Poll(items=[*poll.items, *(one._replace(signal="loss") for one in poll.items)])


def test_what_was_dated_before_the_clock_was_set_back_is_no_stall():
    """Samples on the way when the clock is set back are of a time to come; they neither stall their rank."""
    clock, pipeline = [1e9 + 86_400.0], Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    first = [*samples("loss", [1.0] * 3, rank="counting", start=clock[0] - 2.0)]
    pipeline.observe([started(rank="counting", time=clock[0] - 3.0), *first], "counting")
    live = LivePipeline(pipeline, 0.02, None, 3600.0, clock=lambda: clock[0])
    clock[0] -= 86_400.0
    source = OfBefore()
    source.count = 10
    live.start([source])
    wait_for(lambda: samples_of(live, "counting") > 5, "samples of before")
    live.stop()
    [rank] = live.snapshot.ranks
    assert not rank.findings
    assert rank.last_step_time <= clock[0]


def test_when_the_state_was_saved_is_told(tmp_path):
    """The page says when; without a state folder it says nothing, which is not a time of 0."""
    live = new_live(tmp_path / "state.msgpack", save_seconds=0.05)
    live.start([Counting()])
    wait_for(lambda: live.snapshot and live.snapshot.state_saved, "the first save")
    live.stop()
    assert live.snapshot.state_saved <= checkpoint.load(tmp_path / "state.msgpack").saved
    stateless = new_live()
    stateless.start([Counting()])
    wait_for(lambda: stateless.snapshot, "a snapshot")
    stateless.stop()
    assert stateless.snapshot.state_saved is None


def test_recent_values_are_shown_while_somebody_looks(monkeypatch):
    """Of no series before, of every one at once when somebody looks, and of none a while after."""
    monkeypatch.setattr(live_pipeline, "LOOK_SECONDS", 0.5)
    live = new_live()
    live.start([Counting()])
    try:
        wait_for(lambda: samples_of(live, "counting") > 5, "samples")
        assert live.snapshot.series[0].recent == ()
        live.look()
        wait_for(lambda: live.snapshot.series[0].recent, "recent values")
        newest = live.snapshot.series[0]
        assert list(newest.recent[-3:]) == [newest.value - 2.0, newest.value - 1.0, newest.value]
        wait_for(lambda: live.snapshot.series[0].recent == (), "nobody to look")
    finally:
        live.stop()
