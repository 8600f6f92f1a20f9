"""A GPU that idles while its run makes steps is seen; one that has nothing to do is not."""

import random

import pytest

from runvitals.detectors.speed import LowUtilisation
from runvitals.values import Sample, State
from tests.detectors.traces import HOUR, START, Watch, every, merged, of


def stepping(until, seconds=10.0):
    return [
        Sample("run", "0", "loss", "", START + index * seconds, index, 1.0) for index in range(int(until / seconds))
    ]


def gpu(until, value, layer="gpu0"):
    return of("gpu_utilization_ratio", every(5.0, until, value), layer)


def test_an_idle_gpu_is_found_after_half_an_hour_of_steps():
    """A GPU at 30 % opens it, and the other GPU of the rank, which is busy, does not."""
    items = merged(stepping(2 * HOUR), gpu(2 * HOUR, lambda _: 0.3), gpu(2 * HOUR, lambda _: 0.98, "gpu1"))
    watch = Watch("low_utilisation").show(items)
    [opened] = watch.opened
    assert (opened.layer, 1800.0 < opened.time - START < 2400.0) == ("gpu0", True)
    assert "below 70% in 100% of" in watch.last_firing.evidence.sentence


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_gpu_that_is_busy_now_and_then_is_used(share):
    """A tenth of the samples at full load lift the 95th percentile above the level."""
    rng = random.Random(3)
    items = merged(stepping(4 * HOUR), gpu(4 * HOUR, lambda _: 0.99 if rng.random() < share else 0.0))
    assert not Watch("low_utilisation").show(items).opened


def test_a_gpu_without_steps_is_unknown_and_a_pause_does_not_count():
    """A server without requests, and a run that has stopped making steps, are not judged."""
    assert Watch("low_utilisation").show(gpu(4 * HOUR, lambda _: 0.0)).states == {State.UNKNOWN}
    items = merged(stepping(HOUR), gpu(12 * HOUR, lambda at: 0.9 if at < HOUR else 0.0))
    assert not Watch("low_utilisation").show(items).fired


def test_a_level_that_is_always_reached_is_refused():
    """No utilisation is below 0."""
    with pytest.raises(ValueError, match="above 0"):
        LowUtilisation(p95=0.0)
