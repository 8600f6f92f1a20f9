"""Where a run tells how much its gradient turned, the explosion probability of the next step rests on that."""

import random

import pytest

from runvitals.detectors.vector_forecast import STALE_STEPS
from runvitals.pipeline import checkpoint
from runvitals.pipeline.checkpoint import Checkpoint
from runvitals.pipeline.explaining import explain_rank
from runvitals.stats.normal import upper_tail
from tests.pipeline.test_pipeline import START, found, new_pipeline, run_through
from tests.streams import samples


def both(changes, norms=None):
    """A gradient norm and a change of the gradient at each step."""
    norms = norms or [1.0 + 0.01 * (step % 3) for step in range(len(changes))]
    pairs = zip(samples("grad_norm", norms), samples("grad_change_ratio", changes), strict=True)
    return [item for pair in pairs for item in pair]


def noisy(count, seed=0):
    generator = random.Random(seed)
    return [0.5 + 0.1 * generator.random() for _ in range(count)]


def rank_of(pipeline):
    return pipeline.rank_of(samples("grad_norm", [1.0])[0])


def test_the_gauge_is_the_formula_on_the_changes_of_the_vectors():
    """Mean and sample deviation of the last 32, and the upper tail of the normal beyond C = 1."""
    changes = noisy(50)
    last = changes[-32:]
    mean = sum(last) / 32
    stddev = (sum((one - mean) ** 2 for one in last) / 31) ** 0.5
    rank = rank_of(run_through(both(changes)))
    assert rank.explosion_probability == pytest.approx(upper_tail((1.0 - mean) / stddev), rel=1e-6)
    assert explain_rank(rank).next_step.mean == pytest.approx(mean)


def test_noise_that_turns_the_gradient_at_each_step_is_no_explosion():
    """The change of independent gradients is √2 of their norm, so the gauge says 1; the fault looks at norms."""
    changes = [1.414 + 0.01 * one for one in noisy(200)]
    pipeline = run_through(both(changes, [1.0 + one for one in noisy(200, seed=1)]))
    assert rank_of(pipeline).explosion_probability > 0.99
    assert "gradient_explosion" not in found(pipeline)


def test_without_the_vectors_the_gauge_goes_back_to_norms():
    """Hooks that were turned off leave norms that the script logs."""
    changes = noisy(50)
    alone = [1.0 + 0.01 * (step % 3) for step in range(50 + STALE_STEPS + 1)]
    pipeline = run_through(both(changes))
    pipeline.observe(samples("grad_norm", alone)[50:], "test")
    assert (
        rank_of(pipeline).explosion_probability
        == rank_of(run_through(samples("grad_norm", alone))).explosion_probability
    )


def test_changes_that_are_no_numbers_are_counted():
    """NaN is kept out of mean and deviation."""
    pipeline = run_through(both([*noisy(40), float("nan")]))
    [view] = pipeline.snapshot(START, (), ready=True).ranks
    assert 0.0 < view.explosion_probability < 1.0
    assert view.explosion_skipped["nonfinite"] == 1


def test_it_survives_a_restart(tmp_path):
    """What was seen of the vectors is saved with the rest."""
    before, restored = run_through(both(noisy(40))), new_pipeline()
    checkpoint.save(tmp_path / "state", Checkpoint(before.state(), {}, START))
    restored.restore(checkpoint.load(tmp_path / "state").pipeline)
    assert rank_of(restored).explosion_probability == pytest.approx(rank_of(before).explosion_probability)
