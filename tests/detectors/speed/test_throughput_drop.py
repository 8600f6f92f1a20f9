"""A throughput that falls for minutes is seen; pauses, periods and phases are not."""

import pytest

from runvitals.detectors.speed import ThroughputDrop
from runvitals.values import State
from tests.detectors.traces import Watch, merged, noisy, steps


def rates(count, level=5000.0, seed=0, spread=0.05):
    jitter = noisy(seed, spread)
    return [jitter(level) for _ in range(count)]


def each_second(values, signal="tokens_per_second", first=1):
    """A sample a second, whatever its value."""
    return [
        item._replace(value=value, signal=signal)
        for item, value in zip(steps([1.0] * len(values), first=first, start=first - 1.0), values, strict=True)
    ]


def test_half_the_throughput_is_found_in_minutes():
    """It opens after three minutes, closes on recovery, and says what was usual."""
    items = each_second([*rates(1200), *rates(600, 2400.0, 1), *rates(600, 5000.0, 2)])
    watch = Watch("throughput_drop").show(items)
    [opened], [closed] = watch.opened, watch.closed
    assert 180.0 <= opened.time - items[1200].time <= 240.0
    assert closed.time > items[1800].time
    assert "the median before was 4994" in watch.last_firing.evidence.sentence


def test_steps_per_second_count_where_no_throughput_is_known():
    """Steps twice as long are half the throughput; a run that reports its tokens is judged by these alone."""
    slow = steps([*[1.0] * 1200, *[2.0] * 600])
    assert len(Watch("throughput_drop").show(slow).opened) == 1
    tokens = [item._replace(signal="tokens_per_second", value=5000.0) for item in slow]
    assert not Watch("throughput_drop").show(merged(tokens, slow)).fired


@pytest.mark.parametrize(
    "values",
    [
        [5000.0 if step % 10 else 900.0 for step in range(20_000)],
        [5000.0 if step % 500 else 20.0 for step in range(20_000)],
        [5000.0 if step % 900 > 60 else 1500.0 for step in range(20_000)],
        [5000.0 if step % 2 else 2000.0 for step in range(20_000)],
        [round(value, -3) for value in rates(20_000)],
        rates(20_000, spread=0.4),
        [5000.0 - 0.1 * step for step in range(20_000)],
    ],
    ids=["slow 10th", "evaluation in the rate", "bursts", "alternating", "rounded", "noisy", "slow decline"],
)
def test_what_belongs_to_a_run_is_no_drop(values):
    """Single low values, periods, short bursts, rounding, noise and a slow decline leave it silent."""
    assert not Watch("throughput_drop").show(each_second(values)).fired


def test_a_declared_phase_begins_anew():
    """After a mark another throughput is the run's own."""
    watch = Watch("throughput_drop").show(each_second(rates(1200)))
    watch.begin_segment()
    assert not watch.show(each_second(rates(1200, 1000.0), first=1201)).fired


def test_impossible_rates_are_unknown_and_blind_nothing():
    """A rate of 0, below 0 or beyond reason enters nothing."""
    values = rates(1800)
    values[::7] = [0.0, -3.0, 1e300] * 86
    watch = Watch("throughput_drop").show(each_second([*values, *rates(600, 2000.0)]))
    assert (State.UNKNOWN in watch.states, len(watch.opened)) == (True, 1)


def test_a_step_that_takes_no_time_has_no_rate():
    """The reciprocal of the smallest number is no throughput."""
    watch = Watch("throughput_drop").show(steps([5e-324, 1e-300, 0.0]))
    assert watch.states == {State.UNKNOWN}


def test_ratios_that_a_steady_run_reaches_are_refused():
    """A throughput is always as large as itself."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        ThroughputDrop(ratio=1.0, usual_ratio=0.8)
