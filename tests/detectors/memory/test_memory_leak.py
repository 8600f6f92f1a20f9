"""A leak is seen, with the time that is left; what fills up, levels off or comes and goes is none."""

import math
import random

import pytest

from runvitals.detectors.memory import MemoryLeak
from runvitals.values import State
from tests.detectors.traces import HOUR, Watch, every, merged, noisy, of

GIB = 2.0**30
JITTER = noisy(1, 0.1)


def rss(hours, gib, seconds=10.0, signal="memory_rss_bytes", layer=""):
    return of(signal, every(seconds, hours * HOUR, lambda at: gib(at / HOUR) * GIB), layer)


def limited(hours, gib, limit, seconds=10.0):
    """Resident memory with the limit and the share of it in use, as the process source gives them."""
    return merged(
        rss(hours, gib, seconds),
        of("memory_limit_bytes", every(seconds, hours * HOUR, lambda _: limit * GIB)),
        of("memory_utilization_ratio", every(seconds, hours * HOUR, lambda at: gib(at / HOUR) / limit)),
    )


def hours_until(watch, begin=0.0):
    return (watch.opened[0].time - 1_000_000.0) / HOUR - begin


def test_a_leak_is_found_in_three_hours_and_says_how_long_the_memory_lasts():
    """1 GiB an hour from the fourth hour on, noise and collections of garbage on top."""
    jitter = noisy(1, 0.002)
    watch = Watch("memory_leak").show(limited(8, lambda at: jitter(10.0 + max(at - 4.0, 0.0) + at * 20 % 1), 64.0))
    assert 1.5 < hours_until(watch, 4.0) < 3.0
    assert len(watch.opened) == 1
    sentence = watch.last_firing.evidence.sentence
    assert "GiB an hour) and does not level off" in sentence
    assert "of 64 GiB are used, which lasts" in sentence


def test_the_time_that_is_left_is_that_of_the_slope():
    """8 of 64 GiB at 2 GiB an hour last 28 hours."""
    watch = Watch("memory_leak").show(limited(3, lambda at: 2.0 + 2.0 * at, 64.0))
    assert "lasts 28 h more" in watch.last_firing.evidence.sentence


def test_a_fast_leak_is_found_before_the_memory_is_gone():
    """30 GiB an hour in a limit of 64 after a calm half hour: found with minutes to spare."""
    watch = Watch("memory_leak").show(limited(2, lambda at: 20.0 + max(at - 0.5, 0.0) * 30.0, 64.0))
    assert hours_until(watch, 0.5) < 44.0 / 30.0 - 0.1


def test_a_leak_without_a_known_limit_is_told_by_its_rate():
    """Where nobody knows the limit the rate is said, and nothing of an end."""
    watch = Watch("memory_leak").show(rss(3, lambda at: 10.0 + at))
    assert watch.last_firing.evidence.sentence.endswith("(1 GiB an hour) and does not level off")


def test_a_leak_on_one_gpu_names_it():
    """The memory of a GPU is judged by GPU."""
    used = lambda at: 20.0 + 3.0 * at  # noqa: E731  the trace
    items = merged(
        rss(4, used, signal="gpu_memory_used_bytes", layer="gpu1"),
        of("gpu_memory_utilization_ratio", every(10.0, 4 * HOUR, lambda at: used(at / HOUR) / 80.0), "gpu1"),
        rss(4, lambda _: 60.0, signal="gpu_memory_used_bytes", layer="gpu0"),
    )
    watch = Watch("memory_leak").show(items)
    assert {sample.layer for sample in watch.opened} == {"gpu1"}
    assert "of 80 GiB" in watch.last_firing.evidence.sentence


def random_walk(seed):
    rng, level = random.Random(seed), [20.0]

    def gib(_):
        level.append(max(5.0, level[-1] + rng.gauss(0.0, 0.01)))
        return level[-1]

    return gib


@pytest.mark.parametrize(
    "gib",
    [
        lambda _: 20.0,
        lambda at: 4.0 + 30.0 * min(at / 0.4, 1.0),
        lambda at: 4.0 + 30.0 * min(at, 1.0),
        lambda at: 10.0 + 30.0 * (1.0 - math.exp(-at / 0.3)),
        lambda at: 10.0 + 30.0 * (1.0 - math.exp(-at / 2.0)),
        lambda at: 10.0 + 3.0 * math.log1p(at),
        lambda at: 10.0 + 5.0 * (at * 7 % 1),
        lambda at: 10.0 + 5.0 * (at / 1.5 % 1),
        lambda at: 10.0 + 20.0 * (at > 5.0),
        lambda at: 10.0 + 0.03 * at,
        lambda at: 20.0 + 4.0 * math.cos(at / 24.0 * 6.283),
        random_walk(1),
        random_walk(2),
        lambda _: JITTER(20.0),
    ],
    ids=[
        "constant", "start", "hour of filling", "cache", "slow cache", "logarithm", "collections", "epochs",
        "jump", "slow drift", "daily", "walk 1", "walk 2", "noise",
    ],
)  # fmt: skip
def test_what_fills_up_or_comes_and_goes_is_no_leak(gib):
    """A day and a half of each leaves it silent, with the limit known and without."""
    assert not Watch("memory_leak").show(rss(36, gib, 40.0)).fired
    assert not Watch("memory_leak").show(limited(36, gib, 64.0, 40.0)).fired


def test_pages_of_a_mapped_file_are_no_leak():
    """Resident memory that grows while what cannot be given back does not: a data set that is read."""
    items = merged(
        rss(8, lambda at: 10.0 + 5.0 * at),
        of("memory_limit_bytes", every(10.0, 8 * HOUR, lambda _: 64.0 * GIB)),
        of("memory_utilization_ratio", every(10.0, 8 * HOUR, lambda _: 0.2)),
    )
    assert not Watch("memory_leak").show(items).fired


def test_a_leak_that_has_stopped_is_closed():
    """Four hours of growth, then a level: closed within the hour, or little more."""
    watch = Watch("memory_leak").show(limited(8, lambda at: 10.0 + min(at, 4.0), 64.0, 30.0))
    assert (len(watch.opened), len(watch.closed)) == (1, 1)
    assert watch.closed[0].time - 1_000_000.0 < 5.5 * HOUR


def test_what_would_last_for_weeks_is_no_leak_yet():
    """A GiB in half a day of a machine with 2 TiB."""
    assert not Watch("memory_leak").show(limited(48, lambda at: 100.0 + at / 6.0, 2048.0, 30.0)).fired


def test_a_clock_that_goes_back_and_a_gap_of_days_are_no_growth():
    """Times out of order, and days without a sample, leave it silent and sound."""
    items = rss(3, lambda _: 20.0) + rss(3, lambda _: 30.0)
    later = [item._replace(time=item.time + 400_000.0, value=40.0 * GIB) for item in items]
    assert not Watch("memory_leak").show([*items, *later]).fired


def test_it_is_unknown_until_there_is_enough():
    """Twenty minutes are the least."""
    assert Watch("memory_leak").show(rss(0.3, lambda at: at)).states == {State.UNKNOWN}


def test_growth_that_is_none_is_refused():
    """No growth is needed for 0 bytes."""
    with pytest.raises(ValueError, match="above 0"):
        MemoryLeak(minimum_bytes=0.0, limit_share=0.05, horizon_seconds=1.0)
