"""The anomaly score is unknown rather than wrong, bounded, and sees a real anomaly whatever came before."""

import math
import random

import msgspec
import pytest

from runvitals.anomaly.alert import AlertGate
from runvitals.anomaly.outlier import robust_zscore
from runvitals.anomaly.score import AnomalyScore
from runvitals.anomaly.settings import AnomalySettings
from runvitals.anomaly.signal_kind import SignalKind
from runvitals.series import SeriesSettings, SeriesStore
from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import Sample
from tests.streams import healthy, samples

SETTINGS = SeriesSettings()
CHANNELS = ("level", "change", "out_of_range", "new_pattern", "shift")


def feed(items, settings=SETTINGS):
    """The scores of the samples, and their series."""
    store, scores = SeriesStore(settings), []
    for item in items:
        series = store.get(item, "test")
        series.admit(item, settings)
        scores.append(series.anomaly.score)
    return scores, series


def test_it_is_unknown_until_enough_was_seen():
    """64 values fill the window, 32 more teach the tails; until then there is no score, which is not 0."""
    scores, _ = feed(samples("x", healthy(120)))
    assert [score is None for score in scores].count(True) == 96
    assert None not in scores[96:]


def test_a_spike_scores_and_ordinary_values_do_not():
    """Of 1,000 healthy values few exceed 2; a spike of ten deviations exceeds 3.5."""
    scores, _ = feed(samples("x", [*healthy(1000), 5.0]))
    assert sum(score > 2.0 for score in scores[96:-1]) < 30
    assert scores[-1] > 3.5


def test_a_constant_signal_has_no_score():
    """Nothing varies, nothing can be said; nor of the first change."""
    assert set(feed(samples("x", [3.0] * 500 + [4.0]))[0]) == {None}


def test_it_claims_no_more_than_four_decades_beyond_what_was_seen():
    """After 1,000 values the score of anything at all is at most seven."""
    scores, _ = feed(samples("x", [*healthy(1000), 1e300]))
    assert scores[-1] <= math.log10(1000) + 4.0


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_channel_can_be_left_out_and_stands_alone(channel):
    """Alone each gives scores; with none on there is no score."""
    alone = SeriesSettings(anomaly=AnomalySettings(**{name: name == channel for name in CHANNELS}))
    assert feed(samples("x", healthy(300)), alone)[0][-1] is not None
    none = SeriesSettings(anomaly=AnomalySettings(**dict.fromkeys(CHANNELS, False)))
    assert feed(samples("x", healthy(300)), none)[0][-1] is None


def test_a_lasting_shift_shows_with_every_value():
    """Though it is looked at with every fourth value only: no score in between falls back to nothing."""
    alone = SeriesSettings(anomaly=AnomalySettings(**{name: name == "shift" for name in CHANNELS}))
    shifted = [value + 0.5 for value in healthy(40, seed=2)]
    assert min(feed(samples("x", [*healthy(1000), *shifted]), alone)[0][-32:-8]) > 1.0


HOSTILE = {
    "nan": [math.nan] * 300,
    "infinities": [math.inf, -math.inf] * 150,
    "huge": [1e308, -1e308, 1.0] * 30,
    "denormal": [5e-324, 1e-310] * 30,
    "constant": [1.0] * 300,
    "alternating": [1.0, -1.0] * 300,
    "zero": [0.0, -0.0] * 150,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_stream_blinds_nothing_that_comes_after_it(name):
    """Every score is finite or unknown; after 600 healthy values a spike is seen at once, as on the clean stream."""
    stream = [*healthy(600), *HOSTILE[name], *healthy(600, seed=2), 6.0]
    scores, series = feed(samples("x", stream))
    assert all(score is None or 0.0 <= score <= 12.0 for score in scores)
    assert scores[-1] > 3.0
    assert all(math.isfinite(number) for number in numbers(msgspec.to_builtins(series.anomaly)))


def numbers(data):
    """All numbers in plain data but the range of a signal of which nothing was seen."""
    if isinstance(data, dict):
        return [number for key, value in data.items() if key not in ("lowest", "highest") for number in numbers(value)]
    return [data] if isinstance(data, float) else []


def test_times_that_go_back_and_gaps_of_days_are_ordinary():
    """A spike after them is seen, the first value after a gap has no change, and nothing raises."""
    rng = random.Random(5)
    items, time = [], 1e9
    for step, value in enumerate([*healthy(800), 6.0]):
        time += rng.choice([1.0, 1.0, 1.0, -30.0, 3 * 86_400.0]) if step % 50 == 0 else 1.0
        items.append(Sample("run", "0", "x", "", time, step, value))
    scores, _ = feed(items)
    assert scores[-1] > 3.0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([random.Random(1).gauss(-3.0, 1.0) for _ in range(300)], SignalKind.PLAIN),
        (healthy(300, spread=1.0), SignalKind.TIME),
        ([random.Random(seed).random() for seed in range(300)], SignalKind.RATIO),
        ([float(total * total % 7 + 10 * total) for total in range(300)], SignalKind.COUNTER),
    ],
    ids=["plain", "time", "ratio", "counter"],
)
def test_the_kind_of_a_signal_is_recognised_from_its_past(values, kind):
    """Plain, positive and skewed, within 0..1, or never falling."""
    assert feed(samples("x", values))[1].anomaly.channels.kind.kind is kind


@pytest.mark.parametrize("newest", [[0.9, 0.6, 0.7], [0.1, 0.2, 900.0]], ids=["as a ratio", "as a time"])
def test_a_window_older_than_the_score_does_no_harm(newest):
    """A state saved before there was a score holds values that it never saw, negative ones too."""
    items = samples("x", [*(-value for value in healthy(300, spread=1.0)), *newest * 200])
    _, series = feed(items[:300])
    series.anomaly = AnomalyScore()  # what an older state is read as
    kinds = set()
    for item in items[300:]:
        series.admit(item, SETTINGS)
        kinds.add(series.anomaly.channels.kind.kind)
    assert kinds == {SignalKind.PLAIN}


def test_a_counter_is_judged_by_its_increments():
    """A steady counter is not unusual for being higher than ever; a leap is."""
    rng, total, values = random.Random(2), 0.0, []
    for _ in range(2000):
        total += rng.gauss(100.0, 5.0)
        values.append(total)
    scores, _ = feed(samples("x", [*values, total + 1000.0]))
    assert sum(score > 2.0 for score in scores[96:-1]) < 60
    assert scores[-1] > 3.0


def test_a_counter_that_starts_again_stays_a_counter():
    """A fall to less than half is a restart of its process."""
    values = [float(at) for at in range(1000)] * 2
    assert feed(samples("x", values))[1].anomaly.channels.kind.kind is SignalKind.COUNTER


def test_a_lasting_shift_alerts_once():
    """Of two hundred values at another level a few alert, not each."""
    settings = SeriesSettings()
    store, alerts = SeriesStore(settings), []
    for item in samples("x", [*healthy(1000), *(2.5 * value for value in healthy(200, seed=3))]):
        series = store.get(item, "test")
        series.admit(item, settings)
        alerts.append(series.alert_score or 0.0)
    assert 1 <= sum(alert > 3.5 for alert in alerts[1000:]) <= 5


def test_a_loss_that_falls_does_not_alert():
    """Of the loss, high is bad; a value far below is unusual, and no alert."""
    _, series = feed(samples("loss", [*healthy(1000), 0.05]))
    assert series.anomaly.score > 3.5 > series.alert_score


def test_a_loss_that_jumps_every_few_hundred_steps_alerts_each_time():
    """What a calibrated score gets used to: a bad batch in 400 steps is found to the last, and nothing else is."""
    values = [value + (1.0 if step % 400 == 399 else 0.0) for step, value in enumerate(healthy(20_000, spread=0.08))]
    alerts = alerting("loss", values)
    assert {step for step in alerts if step % 400 != 399} == set()
    assert len(alerts) >= 48


def test_the_second_measure_is_the_robust_zscore_of_the_newest_128_values():
    """What is older does not count, nor does the one outlier among them; values without spread have none."""
    import numpy as np

    rng = random.Random(4)
    values = [*(rng.gauss(5.0, 9.0) for _ in range(128)), *(rng.gauss(0.0, 1.0) for _ in range(127)), 50.0]
    newest = np.array(values[-128:])
    middle = np.median(newest)
    expected = (30.0 - middle) / max(1.4826 * np.median(np.abs(newest - middle)), 0.25 * np.std(values, ddof=1))
    assert robust_zscore(30.0, RollingWindow(256, values)) == pytest.approx(expected, rel=1e-9)
    assert robust_zscore(30.0, RollingWindow(256, [1.0] * 256)) == 0.0
    assert 0.0 <= robust_zscore(1e308, RollingWindow(256, [-1e308, 1e308] * 128)) < 1.0
    assert robust_zscore(1e308, RollingWindow(256, [1e-5, 2e-5] * 128)) == math.inf


@pytest.mark.parametrize(("size", "alerts"), [(6.5, False), (11.0, True)])
def test_both_measures_must_agree_that_a_loss_is_far_out(size, alerts):
    """Six and a half deviations are far from the local level, and too few of the robust ones."""
    rng = random.Random(7)
    values = [10.0 + rng.gauss(0.0, 0.1) for _ in range(2000)]
    _, series = feed(samples("loss", [*values, 10.0 + 0.1 * size]))
    assert series.anomaly.outlier > SETTINGS.anomaly.outlier
    assert (series.alert_score > 0.0) is alerts


def test_what_comes_every_twenty_steps_does_not_alert():
    """Slow steps that are part of the optimizer soon raise no alarm, however clearly they stand out."""
    values = [value * (1.6 if step % 20 == 7 else 1.0) for step, value in enumerate(healthy(5000, spread=0.05))]
    assert len([step for step in alerting("step_seconds", values) if step > 1000]) <= 8  # of 200


def alerting(signal, values):
    """The steps at which a signal alerts."""
    store, steps = SeriesStore(SETTINGS), []
    for item in samples(signal, values, first_step=0):
        series = store.get(item, "test")
        series.admit(item, SETTINGS)
        if series.alert_score:
            steps.append(item.step)
    return steps


def test_a_signal_that_turns_out_to_be_of_another_kind_is_not_blind():
    """Taken as it is until its noise turns out to be skewed: a spike soon after is seen."""
    rng = random.Random(4)
    values = [102.0 - rng.expovariate(0.5) for _ in range(300)] + [98.0 + rng.expovariate(0.5) for _ in range(260)]
    _, series = feed(samples("loss", values[:300]))
    assert series.anomaly.channels.kind.kind is SignalKind.PLAIN
    _, series = feed(samples("loss", [*values, 200.0]))
    assert series.anomaly.channels.kind.kind is SignalKind.TIME
    assert series.alert_score > 4.5


def test_one_incident_alerts_once_and_again_when_clearly_exceeded():
    """While an alert is open only a clearly higher score passes; quiet closes it; unknown stays unknown."""
    gate = AlertGate()
    given = [5.0, 5.2, 5.9, 6.0, None, *[0.1] * 3, 5.0]
    assert [gate.observe(score, 3, 0.5) for score in given] == [5.0, 0.0, 5.9, 0.0, None, 0.0, 0.0, 0.0, 5.0]


def test_a_series_is_small():
    """All told a series takes at most 16 kB saved, and its windows no more in memory."""
    _, series = feed(samples("x", healthy(3000)))

    def plain(value):
        assert isinstance(value, RollingWindow)
        return value.values()

    assert len(msgspec.msgpack.encode(series, enc_hook=plain)) < 8_000
