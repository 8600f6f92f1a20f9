"""What is shown for the comparison of replicas stands still, and is of the same steps on all of them."""

import random

import pytest

from runvitals.pipeline.replica_checksum import ReplicaChecksum
from tests.pipeline.test_pipeline import START, new_pipeline
from tests.streams import samples, started


def shown(step_seconds, *, every=1, first=1, lag=0.0, seconds=3600.0, seed=0):
    """What a scraper sees every 15 s of a rank that logs a checksum equal to its step."""
    rng, held, seen, scrape = random.Random(seed), ReplicaChecksum(), [], lag
    for step in range(first, int(seconds / step_seconds), every):
        at = step * step_seconds
        while scrape <= at:
            seen.append(held.step)
            scrape += 15.0
        held.observe(step, at + rng.uniform(0.0, 0.05), float(step))
        assert held.step is None or held.value == held.step
    return seen


@pytest.mark.parametrize("step_seconds", [0.01, 0.3, 2.0, 45.0])
def test_two_ranks_show_the_same_step_most_of_the_time(step_seconds):
    """Scraped 11 seconds apart they agree in three of four scrapes, and the step moves on."""
    one, other = shown(step_seconds), shown(step_seconds, lag=11.0, seed=1)
    pairs = [(mine, yours) for mine, yours in zip(one, other, strict=False) if mine and yours][40:]
    assert sum(mine == yours for mine, yours in pairs) >= 0.7 * len(pairs)
    assert len({mine for mine, _ in pairs}) >= 8


def test_checksums_that_are_logged_now_and_then_are_shown():
    """Every hundredth step from step 1 on: never a power of two, and shown all the same."""
    assert len(set(shown(0.3, every=100))) >= 8


def test_a_sidecar_that_comes_later_shows_the_steps_of_the_others():
    """What is held depends on the steps, not on where one began to look."""
    assert set(shown(0.3, first=5000)) - {None} & set(shown(0.3))


def test_a_step_that_goes_back_and_a_clock_that_does_show_nothing_wrong():
    """After a resume the next multiple counts; a pace that cannot be is not learnt."""
    held = ReplicaChecksum()
    for step, time in [(1, 0.0), (2, 100.0), (1, 200.0), (2, -50.0), (3, -40.0)]:
        held.observe(step, time, float(step))
        assert 0 <= held.exponent <= 1
    assert (held.step, held.value) in {(2, 2.0), (3, 3.0)}


def test_the_page_has_it_with_the_start_of_the_rank():
    """A rank shows the held checksum, and forgets it when it starts again."""
    pipeline = new_pipeline()
    pipeline.observe([started(), *samples("parameter_checksum", [7.5, 8.5, 9.5])], "test")
    [rank] = pipeline.snapshot(START + 9, (), ready=True).ranks
    assert (rank.start_time, rank.checksums) == (START - 1.0, {"": (2, 8.5)})
    pipeline.observe([started(time=START + 9.0)], "test")
    [rank] = pipeline.snapshot(START + 9, (), ready=True).ranks
    assert (rank.start_time, rank.checksums) == (START + 9.0, {})
