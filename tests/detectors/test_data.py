"""Faults of the data: found where they are, silent on small, odd and rounded data that is healthy."""

import math
import random

import pytest

from runvitals.detectors.data.bad_batch import BadBatch
from runvitals.detectors.data.bad_input import BadInput
from runvitals.detectors.data.input_unscaled import InputUnscaled
from runvitals.values import EventKind, State
from tests.detectors.findings import findings, state_of
from tests.streams import healthy

STEPS = 600
LOSSES = healthy(STEPS, spread=0.1, seed=1, level=2.3)
NORMS = healthy(STEPS, spread=0.2, seed=2)


def with_jumps(values, steps, factor):
    return [value * (factor if step in steps else 1.0) for step, value in enumerate(values)]


def shares(level, spread=0.01, seed=7):
    rng = random.Random(seed)
    return [min(max(rng.gauss(level, spread), 0.0), 1.0) for _ in range(STEPS)]


def test_raw_pixels_are_found_and_standardised_inputs_are_not():
    """Mean 120 and deviation 60 from the first steps on; once, over a restart too."""
    raw = {"input_mean": [120.0 * value for value in NORMS], "input_stddev": [60.0 * value for value in NORMS]}
    assert findings("input_unscaled", raw)[0].opened_step == 9
    assert len(findings("input_unscaled", raw, restart_at=13)) == 1
    scaled = {"input_mean": [0.1 * value for value in NORMS], "input_stddev": NORMS}
    assert findings("input_unscaled", scaled) == []


def test_one_odd_batch_is_no_scale():
    """A mean of 1,000 in one step of ten."""
    assert findings("input_unscaled", {"input_mean": with_jumps(NORMS, range(0, STEPS, 10), 1000.0)}) == []


def test_an_input_that_is_not_finite_is_found_at_once():
    """One value in a thousand, at step 400."""
    damaged = [0.001 if step == 400 else 0.0 for step in range(STEPS)]
    assert findings("bad_input", {"input_nonfinite_ratio": damaged})[0].opened_step == 400


@pytest.mark.parametrize(("signal", "level"), [("input_missing_ratio", 0.3), ("input_constant_ratio", 0.6)])
def test_a_share_that_rises_is_found_and_stays_found(signal, level):
    """From a few percent to far more, at step 300: found within eight steps, and not taken for usual soon after."""
    values = [*shares(0.03)[:300], *shares(level)[300:]]
    [finding] = findings("bad_input", {signal: values})
    assert 300 < finding.opened_step <= 308
    assert finding.closed_step is None or finding.closed_step > 540


@pytest.mark.parametrize(
    ("signal", "values"),
    [
        ("input_missing_ratio", shares(0.2, 0.05)),
        ("input_missing_ratio", [0.0] * 300 + [0.02] * 300),
        ("input_constant_ratio", [1.0] * STEPS),
        ("input_constant_ratio", [1.0 if step % 40 == 39 else 0.05 for step in range(STEPS)]),
        ("input_constant_ratio", shares(0.4, 0.2)),
    ],
    ids=["noisy", "a little more", "batch of one", "a last batch of one", "batch of four"],
)
def test_shares_that_are_ordinary_are_healthy(signal, values):
    """Noise, small changes, and what small batches have by chance."""
    assert findings("bad_input", {signal: values}) == []


def test_a_reader_that_is_stuck_is_found():
    """The same batch again and again from step 300 on; or the same ten."""
    stuck = [min(300, step) for step in range(STEPS)]
    cycle = [step if step < 300 else 300 + step % 10 for step in range(STEPS)]
    # the series counts a value that comes again at the same step as repeated; these have steps of their own
    assert findings("bad_input", {"batch_fingerprint": stuck})[0].opened_step == 307
    [finding] = findings("bad_input", {"batch_fingerprint": cycle})
    assert 350 <= finding.opened_step <= 365
    assert "different batches" in finding.evidence[0].sentence


def test_small_data_sets_are_healthy():
    """One batch for ever, ten in turn, fifty in a new order each epoch, and batches drawn with replacement."""
    rng = random.Random(3)
    shuffled = [batch for _ in range(STEPS // 50) for batch in rng.sample(range(50), 50)]
    drawn = [rng.randrange(60) for _ in range(STEPS)]
    for fingerprints in ([7] * STEPS, [step % 10 for step in range(STEPS)], shuffled, drawn):
        assert findings("bad_input", {"batch_fingerprint": fingerprints}) == []


def test_a_bad_batch_is_found_when_the_loss_is_back_and_named_by_its_id():
    """Loss and gradient norm jump at step 400 and are back at 401; the batch was marked."""
    columns = {"loss": with_jumps(LOSSES, {400}, 4.0), "grad_norm": with_jumps(NORMS, {400}, 12.0)}
    [finding] = findings("bad_batch", columns, events=[(EventKind.BATCH, 400, "shard-7/123")])
    assert (finding.opened_step, finding.category, finding.evidence[0].step) == (401, "data", 400)
    assert finding.evidence[0].sentence.startswith("batch shard-7/123: loss ")


def test_two_bad_batches_in_a_row_are_one():
    """Two steps up, then back; and the second finding of a run after the first has closed."""
    columns = {"loss": with_jumps(LOSSES, {300, 301, 500}, 4.0), "grad_norm": with_jumps(NORMS, {300, 301, 500}, 12.0)}
    assert [one.opened_step for one in findings("bad_batch", columns)] == [302, 501]
    assert [one.opened_step for one in findings("bad_batch", columns, restart_at=602)] == [302, 501]


def test_a_loss_that_jumps_without_its_gradient_is_no_bad_batch():
    """Where the norm of that step is known and ordinary."""
    assert findings("bad_batch", {"loss": with_jumps(LOSSES, {400}, 4.0), "grad_norm": NORMS}) == []


def test_a_loss_alone_must_jump_further():
    """Without a gradient norm, or with one at every tenth step, eight robust deviations are asked for."""
    seldom = [value if step % 10 == 3 else None for step, value in enumerate(NORMS)]
    for rest in ({}, {"grad_norm": seldom}):
        assert findings("bad_batch", {"loss": with_jumps(LOSSES, {400}, 4.0), **rest})[0].opened_step == 401
        assert findings("bad_batch", {"loss": with_jumps(LOSSES, {400}, 1.8), **rest}) == []


def test_a_loss_that_is_not_finite_once_needs_its_gradient():
    """A single NaN with a gradient that is NaN too is its batch's; alone it tells nothing of the batch."""
    losses = [math.nan if step == 400 else value for step, value in enumerate(LOSSES)]
    norms = [math.nan if step == 400 else value for step, value in enumerate(NORMS)]
    assert findings("bad_batch", {"loss": losses, "grad_norm": norms})[0].opened_step == 401
    assert findings("bad_batch", {"loss": losses}) == []


def test_a_loss_that_stays_up_is_no_bad_batch():
    """Neither while it is up, nor when it comes back after ten steps."""
    up = with_jumps(LOSSES, range(400, 410), 4.0)
    assert findings("bad_batch", {"loss": up, "grad_norm": with_jumps(NORMS, range(400, 410), 12.0)}) == []


def test_an_odd_input_makes_it_certain_at_once():
    """The input of that step is not finite, and so is the loss: no need to see what comes after."""
    losses = [math.nan if step >= 400 else value for step, value in enumerate(LOSSES)]
    damaged = [0.01 if step == 400 else 0.0 for step in range(STEPS)]
    before = findings("bad_batch", {"input_nonfinite_ratio": damaged, "loss": losses})
    after = findings("bad_batch", {"loss": losses, "input_nonfinite_ratio": damaged})
    assert [one.opened_step for one in before + after] == [400, 401]
    assert "input_nonfinite_ratio" in before[0].evidence[0].sentence


@pytest.mark.parametrize("digits", [2, 6])
def test_heavy_tails_and_rounding_are_healthy(digits):
    """Losses of single examples, log-normal with a deviation of 1, rounded or not, over 20,000 steps."""
    rng = random.Random(11)
    losses = [round(math.exp(rng.gauss(0.0, 1.0)), digits) for _ in range(20_000)]
    assert findings("bad_batch", {"loss": losses}) == []


def test_a_short_past_tells_nothing_of_a_batch():
    """Until 64 losses have been seen."""
    assert state_of("bad_batch", {"loss": LOSSES[:60]}) == {State.UNKNOWN}


@pytest.mark.parametrize(
    "make",
    [
        lambda: InputUnscaled(size=0.0),
        lambda: BadInput(sigmas=0.0, missing_rise=0.05, constant_rise=0.25),
        lambda: BadInput(sigmas=3.0, missing_rise=1.0, constant_rise=0.25),
        lambda: BadBatch(zscore=8.0, alone_zscore=6.0, minimum_ratio=1.1),
        lambda: BadBatch(zscore=6.0, alone_zscore=8.0, minimum_ratio=0.5),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(make):
    """A limit that always or never fires is a mistake in the config."""
    with pytest.raises(ValueError, match="must be"):
        make()
