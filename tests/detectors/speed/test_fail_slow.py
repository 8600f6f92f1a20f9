"""A run that becomes slow is seen; what only looks slow is not."""

import pytest

from runvitals.detectors.speed import FailSlow
from runvitals.values import Sample, State
from tests.detectors.traces import START, Watch, merged, noisy, steps

MINUTE = 60.0


def pace(count, level=1.0, seed=0, spread=0.05):
    jitter = noisy(seed, spread)
    return [jitter(level) for _ in range(count)]


def throughput(items, work):
    return [item._replace(signal="tokens_per_second", value=work(item) / item.value) for item in items]


@pytest.mark.parametrize("signal", ["step_seconds", "compute_seconds"])
def test_a_slow_down_that_stays_is_found_in_minutes(signal):
    """Steps that take 40 % longer open the fault after five minutes, and the sentence says by how much."""
    items = steps([*pace(1200), *pace(600, 1.4, 1)], signal)
    watch = Watch("fail_slow").show(items)
    [opened] = watch.opened
    assert 5.0 * MINUTE <= opened.time - items[1200].time <= 7.5 * MINUTE
    assert "1.39 times the 0.998 s of the run before" in watch.last_firing.evidence.sentence


def test_it_closes_when_the_pace_is_back():
    """Three stretches at the old pace close it."""
    watch = Watch("fail_slow").show(steps([*pace(1200), *pace(600, 1.5, 1), *pace(600, 1.0, 2)]))
    assert (len(watch.opened), len(watch.closed)) == (1, 1)


@pytest.mark.parametrize(
    "durations",
    [
        [1.0 + 2.0 * (step % 10 == 0) for step in range(9000)],
        [1.0 + (step % 2) for step in range(9000)],
        [0.01 + 0.05 * (step % 10 == 0) for step in range(60_000)],
        [0.01 + 0.01 * (step % 2) for step in range(60_000)],
        [1.0 if step % 60 < 40 else 2.0 for step in range(9000)],
        [round(value, 2) for value in pace(9000, 0.03)],
        pace(9000, spread=0.3),
        [*pace(600, 4.0), *pace(3000, 1.0)],
        [0.5] * 9000,
        [1.0 if step % 1000 < 960 else 1.6 for step in range(9000)],
    ],
    ids=["10th", "2nd", "fast 10th", "fast 2nd", "cycle", "rounded", "noisy", "start", "constant", "short bursts"],
)
def test_what_belongs_to_a_run_is_no_slow_down(durations):
    """Periods of any kind, rounding, noise, a slow start and a minute of disturbance leave it silent."""
    assert not Watch("fail_slow").show(steps(durations)).fired


def test_evaluations_and_gaps_of_days_are_no_slow_down():
    """Time in which no step was made does not count."""
    pauses = [(step, 600.0) for step in range(500, 5000, 500)] + [(2600, 200_000.0)]
    assert not Watch("fail_slow").show(steps(pace(5000), pauses=pauses)).fired


def test_steps_that_do_more_work_are_not_slow():
    """A larger batch makes longer steps; the tokens per second say that the run is as fast as before."""
    items = steps([*pace(1200), *pace(900, 2.0, 1)])
    assert (
        not Watch("fail_slow")
        .show(merged(items, throughput(items, lambda item: 1000 * (1 + (item.step > 1200)))))
        .fired
    )
    assert Watch("fail_slow").show(merged(items, throughput(items, lambda item: 1000))).fired


def test_a_declared_phase_begins_anew():
    """After a mark another pace is the run's own."""
    watch = Watch("fail_slow").show(steps(pace(1200)))
    watch.begin_segment()
    watch.show(steps(pace(1200, 2.0), first=1201, start=1200.0))
    assert not watch.fired


def test_a_new_pace_is_accepted_in_the_end_and_said_to_be_one():
    """After as many stretches as the past holds what is slow has become usual."""
    watch = Watch("fail_slow").show(steps([*pace(4000), *pace(4800, 1.5, 1)]))
    assert len(watch.closed) == 1
    assert "settled at a new pace" in {verdict.note for verdict in watch.verdicts}


def test_it_is_unknown_while_it_is_warming_up_and_on_values_that_are_none():
    """Thirteen stretches are needed; a duration of 0, below 0, NaN or infinite is not one."""
    watch = Watch("fail_slow").show(steps(pace(600)))
    assert watch.states == {State.UNKNOWN}
    odd = [Sample("run", "0", "step_seconds", "", START, step, value) for step, value in enumerate((0.0, -1.0, 1e300))]
    assert Watch("fail_slow").show(odd).states == {State.UNKNOWN}


def test_ratios_that_a_steady_run_reaches_are_refused():
    """A step is always as slow as itself."""
    with pytest.raises(ValueError, match="above 1"):
        FailSlow(ratio=1.0, usual_ratio=1.1)
