"""Faults of the optimizer: found where they are, silent on schedules, accumulation and the search for a loss scale."""

import math

import pytest

from runvitals.detectors.optimizer.amp_scale_collapse import AmpScaleCollapse
from runvitals.detectors.optimizer.learning_rate_out_of_band import LearningRateOutOfBand
from runvitals.detectors.optimizer.no_update import NoUpdate
from runvitals.detectors.optimizer.update_too_large import UpdateTooLarge
from runvitals.values import EventKind, State
from tests.detectors.findings import findings, state_of
from tests.streams import healthy

STEPS = 800
STUCK = healthy(STEPS, spread=0.02, seed=1, level=2.3)
FALLING = [2.3 * math.exp(-step / 250) * value for step, value in enumerate(healthy(STEPS, spread=0.1, seed=2))]
NORMS = healthy(STEPS, spread=0.2, seed=4)
RATES = [1e-3] * STEPS
UPDATES = [1e-3 * value for value in healthy(STEPS, seed=5)]
COSINE = [1e-3 * min(1.0, step / 100) * (0.5 + 0.5 * math.cos(math.pi * step / STEPS)) for step in range(STEPS)]


def running(**columns):
    return {"learning_rate": RATES, "grad_norm": NORMS, "loss": FALLING, **columns}


def test_parameters_that_stop_moving_are_found():
    """Updates that end at step 300, with gradient and learning rate as before: found ten steps later."""
    updates = [value if step < 300 else 0.0 for step, value in enumerate(UPDATES)]
    [finding] = findings("no_update", running(update_ratio=updates))
    assert finding.opened_step == 309
    assert "learning rate 0.001" in finding.evidence[0].sentence


def test_a_layer_that_the_optimizer_does_not_know_is_found_and_named():
    """One layer with a gradient that never moves, among others that do."""
    columns = running(update_ratio=UPDATES)
    columns |= {("grad_norm", "head"): NORMS, ("update_ratio", "head"): [0.0] * STEPS}
    columns |= {("grad_norm", "body"): NORMS, ("update_ratio", "body"): UPDATES}
    [finding] = findings("no_update", columns)
    assert finding.opened_step == 65
    assert {one.layer for one in finding.evidence} == {"head"}


@pytest.mark.parametrize(
    "columns",
    [
        running(update_ratio=[value if step % 32 == 31 else 0.0 for step, value in enumerate(UPDATES)]),
        running(update_ratio=[rate * 0.9 for rate in COSINE], learning_rate=COSINE),
        running(update_ratio=[0.0] * STEPS, learning_rate=[0.0] * STEPS),
        running(update_ratio=[0.0] * STEPS, grad_norm=[0.0] * STEPS),
        running(
            grad_norm=[math.exp(-step / 25) for step in range(STEPS)],
            update_ratio=[1e-4 * math.exp(-step / 25) for step in range(STEPS)],
        ),
    ],
    ids=["accumulation over 32", "warm-up and cosine to 0", "rate 0", "frozen", "converged"],
)
def test_parameters_that_have_a_reason_to_rest_are_healthy(columns):
    """Between updates, at either end of a schedule, frozen, or with nothing left to learn."""
    assert findings("no_update", columns) == []


def test_a_norm_and_a_checksum_that_stay_the_same_are_found_unless_rounded():
    """To the last digit over 128 steps; two decimals that stay the same tell nothing; one of the two is enough."""
    walking = [182.30412345 + 1e-6 * step for step in range(STEPS)]
    frozen = [walking[min(step, 300)] for step in range(STEPS)]
    assert findings("no_update", running(parameter_norm=frozen))[0].opened_step == 430
    assert findings("no_update", running(parameter_norm=[182.3] * STEPS)) == []
    assert findings("no_update", running(parameter_norm=frozen, parameter_checksum=walking)) == []


def test_without_learning_rate_or_gradient_a_missing_update_is_unknown():
    """The rate may be 0, or the parameters frozen."""
    assert state_of("no_update", {"update_ratio": [0.0] * 200}) == {State.UNKNOWN}
    assert state_of("no_update", {"update_ratio": [0.0] * 200, "grad_norm": NORMS[:200]}) == {State.UNKNOWN}


def test_updates_that_replace_the_weights_are_found():
    """A fifth of the norm a step, from step 400 on: found within 15 steps, once, over a restart too."""
    updates = [value * (200.0 if step >= 400 else 1.0) for step, value in enumerate(UPDATES)]
    [finding] = findings("update_too_large", {"update_ratio": updates})
    assert 408 <= finding.opened_step <= 415
    assert [one.opened_step for one in findings("update_too_large", {"update_ratio": updates}, restart_at=405)] == [
        finding.opened_step
    ]


def test_of_layers_the_median_counts():
    """A bias that starts at 0 moves by its own size at each step; half of the layers and more is a fault."""
    large = [0.5] * STEPS
    healthy_layers = {("update_ratio", "w1"): UPDATES, ("update_ratio", "b1"): large, ("update_ratio", "w2"): UPDATES}
    assert findings("update_too_large", healthy_layers) == []
    assert findings("update_too_large", {**healthy_layers, ("update_ratio", "w2"): large})[0].opened_step <= 140


def test_large_updates_at_the_start_and_a_single_one_are_healthy():
    """The first hundred steps, and one step of the others."""
    updates = [0.4 if step < 100 or step == 500 else value for step, value in enumerate(UPDATES)]
    assert findings("update_too_large", {"update_ratio": updates}) == []


def test_a_schedule_that_ends_before_the_run_is_found():
    """A rate of 0, or of 1e-9, from step 300 on: found after 64 steps of it."""
    for low in (0.0, 1e-9):
        rates = [1e-3 if step < 300 else low for step in range(STEPS)]
        [finding] = findings("learning_rate_out_of_band", {"learning_rate": rates, "loss": FALLING})
        assert finding.opened_step == 300 + 64 + 3
        assert "down from 0.001" in finding.evidence[0].sentence


def test_a_rate_that_makes_the_loss_worse_is_found():
    """Raised to thirty times what it was, and the loss gives back what it had gained; from the start, with 0.3."""
    raised = [1e-3 if step < 400 else 3e-2 for step in range(STEPS)]
    worse = [*FALLING[:400], *STUCK[400:]]
    [finding] = findings("learning_rate_out_of_band", {"learning_rate": raised, "loss": worse})
    assert 400 < finding.opened_step <= 425
    assert "30 times what it was" in finding.evidence[0].sentence
    climbing = [value * min(1.0 + step / 20, 5.0) for step, value in enumerate(STUCK)]
    assert findings("learning_rate_out_of_band", {"learning_rate": [0.3] * STEPS, "loss": climbing})


@pytest.mark.parametrize(
    ("rates", "losses"),
    [
        (COSINE, FALLING),
        ([3.0] * STEPS, FALLING),
        ([0.1] * STEPS, STUCK),
        ([1e-2 * (1.0 - step % 200 / 200) for step in range(STEPS)], FALLING),
        ([1e-6] * STEPS, STUCK),
        ([0.0] * 40 + RATES[40:], STUCK),
        ([round(0.0009 * (1 - step / STEPS), 4) for step in range(STEPS)], FALLING),
        ([0.01 if step < 200 else 0.1 for step in range(STEPS)], FALLING),
        ([0.0] * STEPS, FALLING),
    ],
    ids=[
        "warm-up and cosine",
        "a large-batch optimizer",
        "plain descent that has converged",
        "restarts",
        "fine-tuning",
        "held at 0 at first",
        "rounded to four decimals",
        "raised after a low start",
        "rounded to 0, and learning",
    ],
)
def test_schedules_are_healthy(rates, losses):
    """A rate alone is not out of band."""
    assert findings("learning_rate_out_of_band", {"learning_rate": rates, "loss": losses}) == []


def test_without_a_loss_a_rate_is_unknown():
    """Optimizers differ by a factor of ten thousand in the rates that they bear."""
    assert state_of("learning_rate_out_of_band", {"learning_rate": [5.0] * 200}) == {State.UNKNOWN}


def in_balance(steps=STEPS, start=2.0**32, right=2.0**12):
    """A scaler's scale: down from its start, a halving a step, then a doubling and a halving each 100 steps."""
    scales, scale, calm = [], start, 0
    for _ in range(steps):
        scales.append(scale)
        scale, calm = (scale / 2, 0) if scale > right else (scale, calm + 1)
        if calm >= 100:
            scale, calm = scale * 2, 0
    return scales


def test_the_search_for_a_scale_and_its_balance_are_healthy():
    """Twenty halvings at the start, and one each hundred steps from then on; bfloat16's scale of 1; a fixed scale."""
    for scales in (in_balance(), in_balance(start=65536.0, right=65536.0), [1.0] * STEPS, [128.0] * STEPS):
        assert findings("amp_scale_collapse", {"loss_scale": scales}) == []


def test_a_doubling_that_is_taken_back_at_once_does_not_count():
    """Up at step 400 and down at 401, then twice more within a hundred steps, as the doubling leaves the window."""
    steps = {401: 2.0, 402: 1.0, 410: 0.5, 492: 0.25}
    scales, scale = [], 1.0
    for step in range(STEPS):
        scale = steps.get(step, scale)
        scales.append(65536.0 * scale)
    assert findings("amp_scale_collapse", {"loss_scale": scales}) == []


def test_a_scale_that_collapses_is_found():
    """Halved every tenth step from step 400 on: found at the third halving; and at the floor even without balance."""
    scales = in_balance(400)
    scales += [scales[-1] / 2 ** (step // 10) for step in range(1, 401)]
    [finding] = findings("amp_scale_collapse", {"loss_scale": scales})
    assert 420 <= finding.opened_step <= 430
    falling = [65536.0 / 2 ** min(step // 20, 16) for step in range(STEPS)]
    assert findings("amp_scale_collapse", {"loss_scale": falling})[0].opened_step == 320


def test_skipped_steps_are_counted():
    """Two in a hundred, of 500, are too many; one in a thousand and those of the start are not."""
    often = [step // 50 for step in range(STEPS)]
    seldom = [min(step, 20) + step // 1000 for step in range(STEPS)]
    late = [0 if step < 200 else (step - 200) // 25 for step in range(STEPS)]
    assert findings("amp_scale_collapse", {"skipped_steps_total": seldom}) == []
    assert findings("amp_scale_collapse", {"skipped_steps_total": late})[0].opened_step <= 400
    assert findings("amp_scale_collapse", {"skipped_steps_total": often})[0].opened_step <= 780


def test_overflows_in_the_log_count_where_no_scale_is_logged():
    """Those of the first steps are the search; ten in the two hundred steps after step 300 are not."""
    search = [(EventKind.LOSS_SCALE_OVERFLOW, step, "") for step in range(1, 16)]
    later = [(EventKind.LOSS_SCALE_OVERFLOW, step, "") for step in range(300, 500, 20)]
    assert findings("amp_scale_collapse", {"loss": FALLING}, events=search) == []
    [finding] = findings("amp_scale_collapse", {"loss": FALLING}, events=search + later)
    assert 400 <= finding.opened_step <= 420


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoUpdate(ratio=0.0, steps=8, start_steps=64, constant_steps=128),
        lambda: NoUpdate(ratio=1e-8, steps=100, start_steps=64, constant_steps=128),
        lambda: UpdateTooLarge(ratio=0.0, warm_up=128),
        lambda: LearningRateOutOfBand(high=1.0, highest=0.1, raised=5, low=1e-7, steps=100),
        lambda: LearningRateOutOfBand(high=0.01, highest=1, raised=1, low=1e-7, steps=100),
        lambda: AmpScaleCollapse(halvings=0, floor=1, skipped_ratio=0.01),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(make):
    """A limit that always or never fires is a mistake in the config."""
    with pytest.raises(ValueError, match="must"):
        make()
