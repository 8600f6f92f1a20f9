"""Waiting for input is seen; what an epoch begins with is not."""

import pytest

from runvitals.detectors.speed import InputBound
from runvitals.values import State
from tests.detectors.traces import Watch, merged, noisy, steps


def waiting(waits, step=1.0, *, first_step=True):
    """Steps of one duration with a wait within each."""
    durations = steps([step + wait for wait in waits])
    data = [item._replace(signal="data_seconds", value=wait) for item, wait in zip(durations, waits, strict=True)]
    return merged(data, durations) if first_step else merged(durations, data)


def jittered(count, level, seed=0):
    jitter = noisy(seed, 0.2)
    return [abs(jitter(level)) for _ in range(count)]


@pytest.mark.parametrize("order", [True, False])
def test_a_run_that_waits_a_third_of_its_time_is_input_bound(order):
    """Three blocks of 32 steps open it, whichever of the two values comes first."""
    watch = Watch("input_bound").show(waiting(jittered(600, 0.5), first_step=order))
    assert watch.opened[0].step == 96
    assert "32% of the time of 32 steps was spent waiting for input" in watch.last_firing.evidence.sentence


def test_workers_that_are_too_few_are_found_though_only_every_eighth_step_waits():
    """Eight workers that are too slow make one step in eight wait for long."""
    watch = Watch("input_bound").show(waiting([8.0 if step % 8 == 0 else 0.0 for step in range(600)]))
    assert len(watch.opened) == 1


@pytest.mark.parametrize(
    "waits",
    [
        jittered(6000, 0.1),
        [20.0 if step % 32 == 0 else 0.01 for step in range(6000)],
        [60.0 if step % 500 == 0 else 0.05 for step in range(6000)],
        [0.0] * 6000,
        [0.6 if step % 900 < 60 else 0.01 for step in range(6000)],
    ],
    ids=["a tenth", "short epochs", "epochs", "none", "bursts"],
)
def test_what_belongs_to_a_run_is_not_input_bound(waits):
    """A tenth of the time, the first step of an epoch, and a minute of waiting now and then leave it silent."""
    assert not Watch("input_bound").show(waiting(waits)).opened


def test_a_ratio_of_microseconds_is_none():
    """A toy that waits a millisecond or two is not held up by its input."""
    assert not Watch("input_bound").show(waiting(jittered(30_000, 0.0015), 0.003)).opened


def test_it_is_unknown_without_the_duration_of_a_step_and_on_what_is_no_duration():
    """A wait alone says nothing of its share."""
    alone = [item for item in waiting(jittered(300, 0.5)) if item.signal == "data_seconds"]
    assert not Watch("input_bound").show(alone).verdicts
    odd = [item._replace(value=-1.0) for item in alone]
    assert Watch("input_bound").show(odd).states == {State.UNKNOWN}


def test_a_share_that_is_none_is_refused():
    """No step waits for longer than it lasts."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        InputBound(share=1.0, minimum_seconds=0.0)
