"""What becomes of a sample: scored, counted, late, repeated, or the start of something new."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.series import Admission, SeriesSettings, SeriesStore
from runvitals.values import Sample
from tests.streams import healthy, samples

SMALL = SeriesSettings(window=16, minimum=4)


def feed(items, settings=SMALL):
    store = SeriesStore(settings)
    return [(series := store.get(item, "test")).admit(item, settings) for item in items], series


def test_the_newest_value_is_compared_with_those_before_it():
    """The z-score of a value is that against the window without the value itself."""
    _, series = feed(samples("x", [1.0, 2.0, 3.0, 4.0, 10.0]))
    assert series.zscore == pytest.approx((10.0 - 2.5) / 1.2909944487358056)
    assert series.view(0.0).window_samples == 4


def test_warming_up_has_no_score():
    """Before the minimum there is no score, which is not a score of 0."""
    _, series = feed(samples("x", [1.0, 2.0, 3.0, 4.0]))
    assert series.zscore is None
    assert series.view(0.0).zscore is None


def test_a_constant_signal_has_no_score():
    """Where nothing varies nothing can be said to be unusual."""
    _, series = feed(samples("x", [3.0] * 50))
    assert (series.zscore, series.view(0.0).robust_zscore, series.view(0.0).stddev) == (None, None, 0.0)


def test_a_value_that_is_not_finite_is_counted_and_blinds_nothing():
    """NaN and infinities are counted and shown, and the scores afterwards are as without them."""
    values = healthy(40)
    _, clean = feed(samples("x", values))
    polluted = samples("x", values[:20]) + samples("x", [math.nan, math.inf, -math.inf], first_step=21)
    polluted += samples("x", values[20:], first_step=24)
    admissions, series = feed(polluted)
    assert admissions.count(Admission.NONFINITE) == 3
    assert series.nonfinite == 3
    assert series.zscore == pytest.approx(clean.zscore)


def test_a_late_step_is_counted_and_not_scored():
    """A step older than the newest changes neither value nor window."""
    items = samples("x", healthy(30))
    admissions, series = feed([*items, items[-5]._replace(value=1e9)])
    assert admissions[-1] is Admission.LATE
    assert (series.late, series.value) == (1, items[-1].value)


def test_the_same_line_twice_counts_once():
    """A repeated sample is not scored again; another value at the same step is news."""
    items = samples("x", healthy(30))
    admissions, _ = feed([*items, items[-1], items[-1]._replace(value=1.5)])
    assert admissions[-2:] == [Admission.REPEATED, Admission.SCORED]


@pytest.mark.parametrize("back", [65, 20])
def test_steps_that_went_back_begin_a_segment(back):
    """Far back at once, or a little back for long: what follows is a new segment, not late for ever."""
    items = samples("x", healthy(200)) + samples("x", healthy(40, seed=1), first_step=201 - back)
    admissions, series = feed(items)
    assert series.segment == 1
    assert admissions[-20:] == [Admission.SCORED] * 20


def test_a_peak_is_remembered_for_a_minute():
    """A slow scraper still sees a score that has passed, for 60 seconds."""
    _, series = feed(samples("x", [*healthy(30), 50.0, *healthy(5, seed=2)]))
    now = series.time
    assert series.view(now).zscore_peak > 10.0 > abs(series.view(now).zscore)
    assert series.view(now + 100.0).zscore_peak is None


def test_the_number_of_series_is_bounded_and_what_is_dropped_is_counted():
    """Per run, per source and in all; the samples over each limit are counted under it."""
    settings = SeriesSettings(max_series=6, max_series_per_run=3, max_series_per_source=4)
    store = SeriesStore(settings)

    def offer(run, count, source):
        for index in range(count):
            store.get(Sample(run, "0", f"s{index}", "", 0.0, None, 1.0), source)

    offer("a", 5, "one")  # 3 fit the run
    offer("b", 3, "one")  # 1 fits the source
    offer("c", 3, "two")  # 2 fit in all
    assert (len(store), dict(store.dropped)) == (6, {"run": 2, "source": 2, "total": 1})
    store.remove("a", "0")
    offer("d", 1, "two")
    assert len(store) == 4


def test_other_settings_keep_what_was_seen():
    """A smaller window keeps the newest values."""
    store = SeriesStore(SMALL)
    for item in samples("x", [float(value) for value in range(17)]):
        series = store.get(item, "test")
        series.admit(item, SMALL)
    store.reconfigure(SeriesSettings(window=4, minimum=2))
    assert series.baseline.window.values() == [12.0, 13.0, 14.0, 15.0]


def test_recent_values_and_what_was_expected_are_viewed_on_request():
    """The newest finite values in their order, and the median with three robust deviations; nothing unasked."""
    values = [1.0, 2.0, 3.0, 2.0, math.nan, 1.0, 9.0]
    _, series = feed(samples("x", values))
    view = series.view(0.0, recent=4)
    assert list(view.recent) == [3.0, 2.0, 1.0, 9.0]
    assert view.expected == pytest.approx((2.0 - 3 * 1.4826, 2.0 + 3 * 1.4826))
    assert (series.view(0.0).recent, series.view(0.0).expected) == ((), None)
    series.admit(samples("x", [*values, math.inf])[-1], SMALL)
    assert list(series.view(0.0, recent=2).recent) == [1.0, 9.0]
    assert series.view(0.0, recent=2).expected is None


def shown(store):
    return [(repr(series.view(1e3)), series.alert_score, series.anomaly.outlier) for series in store]


@given(st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), max_size=400), st.sets(st.integers(0, 400)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_it_makes_no_difference_when_values_that_wait_are_settled(values, places, repeats):
    """A series that is looked at now and then shows what one shows that scores each value as it comes."""
    patient, eager = SeriesStore(SMALL), SeriesStore(SMALL)
    for place, value in enumerate([value for value in values for _ in range(2 if repeats else 1)]):
        item = Sample("run", "0", "temperature", "", float(place), place - 100 * (place % 97 == 96), value)
        for store, may_wait in ((patient, True), (eager, False)):
            store.get(item, "").admit(item, SMALL, may_wait=may_wait)
        if place in places:
            assert shown(patient) == shown(eager)
    assert shown(patient) == shown(eager)
