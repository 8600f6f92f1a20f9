"""The pipeline's thread and its sink: what is not written yet is in the state, and what was missed is told again."""

import math

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint, live
from runvitals.pipeline.live import LivePipeline
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import ChangeKind, JournalView, Poll, Sample
from tests.pipeline.test_live import wait_for

VIEW = JournalView(
    written=0, pending=0, dropped={}, failures=0, pruned=0, incidents=0, size_bytes=0, error="the disk is full"
)


class StuckSink:
    """Takes everything and writes nothing, as on a full disk."""

    def __init__(self, *, wants=False):
        self.taken, self.settled, self.wants = [], [], wants

    def offer(self, change):
        self.taken.append(change)

    def offer_all(self, changes):
        self.taken += changes

    def pending(self):
        return list(self.taken)

    def wants_all(self):
        wants, self.wants = self.wants, False
        return wants

    def settle(self, open_ids, now):
        self.settled.append(open_ids)

    def flush(self, seconds):
        return False

    def view(self):
        return VIEW


class OneNan:
    """A source that delivers one NaN, once, and remembers that it has."""

    name = kind = "one"
    listens = False
    interval = 0.01

    def __init__(self):
        self.is_done = False

    def poll(self, now):
        items = [] if self.is_done else [Sample("run", "0", "loss", "", now, 1, math.nan)]
        self.is_done = True
        return Poll(items=items, position=True)

    def restore(self, position):
        self.is_done = bool(position)

    def close(self):
        """Nothing is held."""


def new_live(sink, state_file):
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}), sink.offer)
    return LivePipeline(pipeline, 0.02, state_file, 3600.0, sink=sink)


def test_what_is_not_written_is_saved_and_offered_again(tmp_path):
    """A sidecar that ends while the disk is full leaves the opening, onset included, to the next one."""
    file, first = tmp_path / "state.msgpack", StuckSink()
    one = new_live(first, file)
    one.start([OneNan()])
    wait_for(lambda: first.taken, "the change")
    wait_for(lambda: one.snapshot and one.snapshot.journal == VIEW, "the sink's health on the page")
    one.stop()
    second = StuckSink()
    other = new_live(second, file)
    other.restore(checkpoint.load(file))
    assert repr(second.taken) == repr(first.taken)
    assert second.taken[0].onset


def test_a_sink_that_missed_some_is_told_every_finding(tmp_path, monkeypatch):
    """Open findings of the state file go on in the journal, and it learns what is open no more."""
    monkeypatch.setattr(live, "SETTLE_SECONDS", 0.1)
    file, first = tmp_path / "state.msgpack", StuckSink()
    one = new_live(first, file)
    one.start([OneNan()])
    wait_for(lambda: first.taken, "the change")
    one.stop()
    saved = checkpoint.load(file)
    saved.changes = []  # as if it had been written to a journal that is gone now
    second = StuckSink(wants=True)
    other = new_live(second, file)
    other.restore(saved)
    other.start([OneNan()])
    wait_for(lambda: second.settled, "the settlement")
    other.stop()
    [change] = second.taken
    assert (change.kind, change.finding.id) == (ChangeKind.OPENED, first.taken[0].finding.id)
    assert second.settled == [{change.finding.id}]
