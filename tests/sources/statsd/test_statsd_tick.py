"""What the lines of one tick come to."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvitals.sources.statsd.gauges import FORGET_SECONDS, GaugeMemory
from runvitals.sources.statsd.reasons import Reason
from runvitals.sources.statsd.tick import Reading, Tick
from runvitals.sources.statsd.timings import Timings

NOW = 1_700_000_000.0
READING = Reading(
    run="r",
    rank="0",
    signed_gauges="by_dialect",
    timer_scale=1e-3,
    max_lines=1000,
    max_series=10,
    max_label_characters=200,
)


def samples(*datagrams: str | bytes, seconds: float = 1.0, gauges: GaugeMemory | None = None, **reading):
    """Return (signal → values) and the rejected counts of one tick."""
    tick = Tick(READING._replace(**reading), gauges if gauges is not None else GaugeMemory(100))
    for datagram in datagrams:
        tick.take_datagram(datagram.encode() if isinstance(datagram, str) else datagram, NOW)
    found: dict[str, list[float]] = {}
    for sample in tick.finish(NOW, seconds):
        found.setdefault(sample.signal, []).append(sample.value)
    return found, {reason.value: count for reason, count in tick.rejected.items()}


def test_every_gauge_value_is_a_sample_in_order():
    """A short spike between two scrapes, or a single NaN, reaches the detectors."""
    tick = Tick(READING, GaugeMemory(100))
    tick.take_datagram(b"loss:1|g|#step:1\nloss:nan|g|#step:2\nloss:3|g|#step:3", NOW)
    found = tick.finish(NOW, 1.0)
    assert [(sample.step, sample.signal, sample.run, sample.rank, sample.time) for sample in found] == [
        (step, "loss", "r", "0", NOW) for step in (1, 2, 3)
    ]
    assert found[0].value == 1.0
    assert math.isnan(found[1].value)


def test_tags_override_the_defaults():
    """Run, rank and layer come from the tags where there are any; an empty tag is no name."""
    tick = Tick(READING, GaugeMemory(100))
    tick.take_datagram(b"x:1|g|#run:llama,rank:7,layer:h.3\nx:1|g|#run:,rank:", NOW)
    assert [(sample.run, sample.rank, sample.layer) for sample in tick.finish(NOW, 1.0)] == [
        ("llama", "7", "h.3"),
        ("r", "0", ""),
    ]


def test_counters_are_rates_over_the_tick():
    """Counts are added up, weighed by their sample rate, and divided by the seconds of the tick."""
    assert samples("requests:1|c", "requests:2:3|c", "requests:1|c|@0.1", seconds=2.0)[0] == {
        "requests_per_second": [8.0]
    }


def test_a_silent_counter_has_no_sample():
    """Nothing sent is unknown, not a rate of 0."""
    assert samples()[0] == {}


def test_timers_are_mean_and_p99_in_seconds():
    """Of 1..100 ms the mean is 50.5 ms and 99 of 100 are at or below 99 ms."""
    found, _ = samples(*[f"load:{value}|ms" for value in range(1, 101)])
    assert found["load_mean_seconds"] == [pytest.approx(0.0505)]
    assert found["load_p99_seconds"] == [pytest.approx(0.099)]


def test_plain_statsd_gauges_change_by_signed_values():
    """A gauge moves by +4 and -10 as StatsD documents."""
    assert samples("gaugor:333|g", "gaugor:-10|g", "gaugor:+4|g")[0] == {"gaugor": [333.0, 323.0, 327.0]}


def test_dogstatsd_negative_gauges_are_numbers():
    """A negative reward or log-likelihood from a DogStatsD client is not taken for a change."""
    assert samples("reward:-3|g|#step:1", "reward:-3.5|g|#step:2")[0] == {"reward": [-3.0, -3.5]}


def test_a_plus_is_a_change_in_either_dialect():
    """No DogStatsD client writes a plus, so it can only mean a change."""
    assert samples("queue:5|g|#run:a", "queue:+2|g|#run:a")[0] == {"queue": [5.0, 7.0]}


def test_signed_gauges_can_be_set():
    """`delta` makes every sign a change, `value` none."""
    lines = ("queue:5|g|#run:a", "queue:-2|g|#run:a", "queue:+1|g|#run:a")
    assert samples(*lines, signed_gauges="delta")[0] == {"queue": [5.0, 3.0, 4.0]}
    assert samples(*lines, signed_gauges="value")[0] == {"queue": [5.0, -2.0, 1.0]}


def test_a_negative_value_sent_as_zero_and_change_is_one_sample():
    """StatsD clients reach minus five by 0 and then -5 in one datagram; the 0 was never measured."""
    assert samples("loss:0|g\nloss:-5|g")[0] == {"loss": [-5.0]}
    assert samples("loss:0|g", "loss:-5|g")[0] == {"loss": [0.0, -5.0]}
    assert samples("loss:0|g\nother:1|g\nloss:-5|g")[0] == {"loss": [0.0, -5.0], "other": [1.0]}


def test_changes_add_up_across_ticks():
    """A change is added to what the gauge was in an earlier tick, per run."""
    gauges = GaugeMemory(100)
    samples("queue:5|g|#run:a", "queue:50|g|#run:b", gauges=gauges)
    assert samples("queue:+1|g|#run:a", gauges=gauges)[0] == {"queue": [6.0]}


def test_infinity_is_delivered_and_not_remembered():
    """A gauge that was infinite for a moment goes on from its last finite value."""
    assert samples("q:1|g", "q:-inf|g", "q:+2|g")[0] == {"q": [1.0, -math.inf, 3.0]}


def test_nonfinite_counts_and_times_are_counted_not_added():
    """One NaN does not blind a sum or a mean."""
    found, rejected = samples("n:nan|c", "n:2|c", "t:inf|ms", "t:10|ms")
    assert found == {"n_per_second": [2.0], "t_mean_seconds": [0.01], "t_p99_seconds": [0.01]}
    assert rejected == {"nonfinite": 2}


def test_timestamps_are_believed_within_reason():
    """A recent |T is the sample's time; one from another age is counted and the arrival stands."""
    tick = Tick(READING, GaugeMemory(100))
    tick.take_datagram(f"x:1|g|T{NOW - 30:.0f}\nx:2|g|T1\nx:3|g|Tnan\nx:4|g|Tsoon".encode(), NOW)
    assert [sample.time for sample in tick.finish(NOW, 1.0)] == [NOW - 30, NOW, NOW, NOW]
    assert tick.rejected == {Reason.BAD_TIMESTAMP: 3}


def test_lines_beyond_the_bound_are_counted():
    """A tick takes so many lines and no more."""
    found, rejected = samples("\n".join(["x:1|g"] * 1500))
    assert len(found["x"]) == 1000
    assert rejected == {"too_many_lines": 500}


def test_packed_and_long_lines_use_up_the_tick_faster():
    """A line of thousands of values costs what it takes to read, so that a flood of them is bounded too."""
    tick = Tick(READING, GaugeMemory(100))
    for _ in range(30):
        tick.take_datagram(b"x" + b":1" * 4000 + b"|g", NOW)
    assert tick.full
    assert tick.rejected[Reason.TOO_MANY_LINES] > 0


def test_metrics_beyond_the_bound_are_counted_and_known_ones_go_on():
    """An eleventh metric is refused, the ten first are still taken."""
    found, rejected = samples(*[f"x{number}:1|g" for number in range(15)], "x0:2|g")
    assert len(found) == 10
    assert found["x0"] == [1.0, 2.0]
    assert rejected == {"too_many_series": 5}


def test_changes_of_gauges_beyond_the_memory_are_counted():
    """A full memory refuses new changes rather than inventing a base, until an old gauge has been silent long."""
    gauges = GaugeMemory(2)
    assert gauges.put("a", 1.0, 0.0)
    assert gauges.put("b", 1.0, 1.0)
    assert gauges.add("c", 1.0, 2.0) is None
    assert gauges.add("a", 1.0, 3.0) == 2.0
    assert gauges.add("c", 1.0, 1.0 + FORGET_SECONDS) == 1.0
    assert len(gauges) == 2
    _, rejected = samples("x:1|g", "y:+1|g", gauges=GaugeMemory(1))
    assert rejected == {"gauge_memory_full": 1}


@pytest.mark.parametrize("payload", [b"", b"\n", b"\n\n\n", b"\x00" * 50])
def test_empty_datagrams_are_counted(payload):
    """A datagram with nothing in it is one malformed line."""
    assert samples(payload) == ({}, {"malformed": 1})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(
    st.lists(
        st.one_of(st.binary(max_size=80), st.from_regex(rb"[a-c]:[0-9+-]{1,3}(e308)?\|(c|g|ms|h|d)", fullmatch=True))
    )
)
def test_any_bytes_give_a_bounded_tick(datagrams):
    """No datagram raises, and samples and reasons stay bounded by what came in."""
    tick = Tick(READING, GaugeMemory(5))
    for datagram in datagrams:
        tick.take_datagram(datagram, NOW)
    found = tick.finish(NOW, 1.0)
    assert len(found) <= sum(len(datagram) for datagram in datagrams)
    assert set(tick.rejected) <= set(Reason)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.lists(st.floats(min_value=-1e300, max_value=1e300), min_size=1, max_size=200))
def test_mean_and_p99_agree_with_numpy(values):
    """Unweighted, the mean is numpy's and the p99 its inverted distribution function."""
    timings = Timings()
    for value in values:
        timings.add(value, 1.0)
    assert timings.mean() == pytest.approx(np.mean(values), rel=1e-9, abs=max(map(abs, values)) * 1e-12)
    assert timings.quantile(0.99) == np.quantile(values, 0.99, method="inverted_cdf")


def test_weights_move_mean_and_quantile():
    """A value sent at rate 0.1 stands for ten."""
    timings = Timings()
    timings.add(1.0, 10.0)
    timings.add(12.0, 1.0)
    assert timings.mean() == pytest.approx(2.0)
    assert timings.quantile(0.5) == 1.0
    assert timings.quantile(0.99) == 12.0
