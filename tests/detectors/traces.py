"""What the tests of the detectors of machines and servers share: long streams, and what a fault makes of them."""

import random

from runvitals.diagnosis.hysteresis import Change, Hysteresis
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.rank import make_detectors
from runvitals.series import Admission, Series, SeriesKey
from runvitals.stats.baseline import Baseline
from runvitals.stats.sliding_maximum import SlidingMaximum
from runvitals.values import Sample, State

TABLE = resolve({})
START = 1_000_000.0
HOUR = 3600.0


def new_series(sample):
    key = SeriesKey(sample.run, sample.rank, sample.signal, sample.layer)
    return Series(key, Baseline.of_size(2, 2), SlidingMaximum())


class Watch:
    """One fault's detector and hysteresis, shown samples as the pipeline shows them; statistics are left out."""

    def __init__(self, name):
        self.fault = TABLE.faults[name]
        self.detector = make_detectors(TABLE)[name]
        self.series, self.trackers = {}, {}
        self.opened, self.closed, self.verdicts = [], [], []

    def show(self, items):
        for sample in items:
            if sample.signal not in (*self.fault.signals, *self.fault.context):
                continue
            place = sample.signal, sample.layer
            series = self.series.setdefault(place, new_series(sample))
            admission = Admission.SCORED if abs(sample.value) < float("inf") else Admission.NONFINITE
            verdict = self.detector.observe(sample, series, admission)
            if verdict is not None:
                self._take(sample, place, verdict)
        return self

    def begin_segment(self):
        for series in self.series.values():
            series.segment += 1

    def _take(self, sample, place, verdict):
        self.verdicts.append(verdict)
        fault = self.fault
        fresh = Hysteresis(fault.open_count, fault.open_window, fault.close_count)
        change = self.trackers.setdefault(place, fresh).observe(verdict.state)
        if change is Change.OPENED:
            self.opened.append(sample)
        elif change is Change.CLOSED:
            self.closed.append(sample)

    @property
    def states(self):
        return {verdict.state for verdict in self.verdicts}

    @property
    def fired(self):
        return State.FIRING in self.states

    @property
    def last_firing(self):
        return next(verdict for verdict in reversed(self.verdicts) if verdict.state is State.FIRING)


def of(signal, points, layer=""):
    """Samples without steps, as machines and servers give them: (seconds from the start, value)."""
    return [Sample("run", "0", signal, layer, START + seconds, None, value) for seconds, value in points]


def merged(*streams):
    return sorted((sample for stream in streams for sample in stream), key=lambda sample: sample.time)


def every(seconds, until, value, begin=0.0):
    """(time, value(time)) every so many seconds."""
    count = int((until - begin) / seconds)
    return [(begin + index * seconds, value(begin + index * seconds)) for index in range(count)]


def noisy(seed, spread=0.02):
    rng = random.Random(seed)
    return lambda level: level * (1.0 + rng.gauss(0.0, spread))


def steps(durations, signal="step_seconds", *, first=1, start=0.0, pauses=()):
    """A sample for each step, at the time at which it ends; `pauses` are (step, seconds) that no step lasts."""
    items, time, waits = [], START + start, dict(pauses)
    for step, duration in enumerate(durations, start=first):
        time += duration + waits.get(step, 0.0)
        items.append(Sample("run", "0", signal, "", time, step, duration))
    return items
