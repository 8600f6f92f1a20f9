"""What a training does by itself about open findings, and that it does nothing else."""

from __future__ import annotations

import math
import time

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import runvitals  # noqa: E402
from runvitals import embedded  # noqa: E402
from runvitals.client.advice import Advice  # noqa: E402
from runvitals.training.torch import Actions  # noqa: E402
from tests.training.divergence import STABLE, UNSTABLE, advising, history  # noqa: E402

LIKELY = Advice("gradient_explosion_likely", "warning", "parameters", 7, 0.9, "Save.", "id-1")


class AdvisedRun:
    """A run that is told what the test tells it."""

    def __init__(self):
        self.open, self.marks = [], []

    def advice(self):
        return tuple(self.open)

    def mark(self, kind, text="", *, step=None):
        self.marks.append((kind, text, step))


@pytest.fixture
def run():
    return AdvisedRun()


def optimizer(rate=0.3):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rate(one):
    return one.param_groups[0]["lr"]


def test_each_action_is_taken_once_for_each_finding_and_marked(run):
    """However long it stays open; a second finding of the same fault is another."""
    saved, sgd = [], optimizer(0.9)
    names = ["checkpoint", "lower_learning_rate", "skip_batch"]
    actions = Actions(run, {LIKELY.fault: names}, checkpoint=saved.append, optimizer=sgd)
    assert actions.apply(1) == (False, False)
    run.open = [LIKELY]
    assert [actions.apply(step) for step in (2, 3)] == [(True, False), (False, False)]
    assert (saved, rate(sgd)) == ([2], pytest.approx(0.3))
    assert run.marks == [
        ("action", "id-1 checkpoint on gradient_explosion_likely: saved", 2),
        ("action", "id-1 lower_learning_rate on gradient_explosion_likely: from 0.9 to 0.3", 2),
        ("action", "id-1 skip_batch on gradient_explosion_likely: told to the loop", 2),
    ]
    run.open = [LIKELY._replace(id="id-2")]
    actions.apply(4)
    assert (saved, rate(sgd)) == ([2, 4], pytest.approx(0.1))


def test_once_told_to_stop_it_stays_so(run):
    """A loop that looks a step later must not have missed it."""
    actions = Actions(run, {LIKELY.fault: ["stop"]})
    run.open = [LIKELY]
    assert actions.apply(1).stop
    run.open = []
    assert actions.apply(2).stop


def test_a_fault_that_is_not_named_is_not_acted_upon(run):
    """Nothing is done that was not asked for."""
    actions = Actions(run, {"loss_spike": ["stop"]})
    run.open = [LIKELY]
    assert actions.apply(1) == (False, False)
    assert not run.marks


def test_a_checkpoint_that_fails_does_not_end_the_training(run):
    """There is a warning and a mark, and the next action is taken."""

    def fail(step):
        raise OSError("no space left")

    sgd = optimizer()
    actions = Actions(run, {LIKELY.fault: ["checkpoint", "lower_learning_rate"]}, checkpoint=fail, optimizer=sgd)
    run.open = [LIKELY]
    with pytest.warns(RuntimeWarning, match="no space left"):
        actions.apply(1)
    assert [text.rpartition(": ")[2] for _, text, _ in run.marks] == ["OSError", "from 0.3 to 0.1"]
    assert rate(sgd) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        ({"loss_spike": ["lower"]}, "no such action: lower"),
        ({"loss_spike": "stop it"}, "no such action: stop it"),
        ({"loss_spike": ["checkpoint"]}, "needs checkpoint="),
        ({"loss_spike": ["lower_learning_rate"]}, "needs optimizer="),
    ],
)
def test_what_cannot_be_done_is_refused_at_the_start(run, actions, sentence):
    """A misspelt action would otherwise be found out when it is needed."""
    with pytest.raises(ValueError, match=sentence):
        Actions(run, actions)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda sgd: torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: 0.99**step),
        lambda sgd: torch.optim.lr_scheduler.StepLR(sgd, 3, 0.5),
        lambda sgd: torch.optim.lr_scheduler.OneCycleLR(sgd, 1.0, total_steps=30),
        lambda sgd: torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 30),
        lambda sgd: torch.optim.lr_scheduler.SequentialLR(
            sgd,
            [torch.optim.lr_scheduler.ConstantLR(sgd, 0.5, 8), torch.optim.lr_scheduler.LambdaLR(sgd, lambda _: 0.7)],
            milestones=[8],
        ),
    ],
)
def test_a_schedule_goes_on_from_the_lowered_rate(run, schedule):
    """It does not put back at the next step what was lowered."""
    rates = []
    for lowered_at in (5, None):
        sgd = optimizer(1.0)
        scheduler = schedule(sgd)
        run.open = []
        actions = Actions(run, {LIKELY.fault: ["lower_learning_rate"]}, optimizer=sgd, scheduler=scheduler, factor=0.1)
        for step in range(20):
            run.open = [LIKELY] if step == lowered_at else []
            actions.apply(step)
            sgd.step()
            scheduler.step()
        rates.append(rate(sgd))
    assert rates[0] == pytest.approx(0.1 * rates[1])


def test_a_rate_that_is_a_tensor_is_changed_in_place(run):
    """A captured graph goes on reading it."""
    tensor = torch.tensor(0.3)
    adam = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=tensor)
    run.open = [LIKELY]
    Actions(run, {LIKELY.fault: ["lower_learning_rate"]}, optimizer=adam).apply(1)
    assert adam.param_groups[0]["lr"] is tensor
    assert float(tensor) == pytest.approx(0.1)


STEPS = 1500
RISES_AT = 400
NAMES = ["checkpoint", "lower_learning_rate"]


def train(run, *, rises, acts, seconds=0.0):
    """Fit a linear network whose learning rate may rise beyond what is stable; return losses, weights and actions."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(64, 8, generator=generator)
    targets = inputs @ torch.randn(8, 1, generator=generator) + 0.1 * torch.randn(64, 1, generator=generator)
    limit = 2.0 / float(torch.linalg.eigvalsh(2.0 * inputs.T @ inputs / len(inputs))[-1])
    weights = torch.nn.Parameter(torch.zeros(8, 1))
    sgd = torch.optim.SGD([weights], lr=limit * STABLE)
    saved, losses = [], []
    actions = Actions(
        run,
        {"gradient_explosion_likely": NAMES, "gradient_explosion": NAMES} if acts else {},
        checkpoint=lambda step: saved.append((step, weights.detach().clone())),
        optimizer=sgd,
    )
    for step in range(STEPS):
        if rises and step == RISES_AT:
            sgd.param_groups[0]["lr"] = limit * UNSTABLE
        actions.apply(step)
        noise = 0.05 * torch.randn(64, 1, generator=generator)
        sgd.zero_grad()
        loss = (inputs @ weights - targets + noise).square().mean()
        loss.backward()
        norm = float(weights.grad.norm())
        sgd.step()
        losses.append(float(loss.detach()))
        run.log(step=step, loss=losses[-1], grad_norm=norm, learning_rate=sgd.param_groups[0]["lr"])
        time.sleep(seconds)
    return losses, weights.detach(), saved, sgd.param_groups[0]["lr"] / limit


@pytest.fixture
def advised(tmp_path, monkeypatch):
    """A folder for rings, and an exporter in this process that advises their runs."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "runs"))
    with advising(tmp_path):
        yield tmp_path


@pytest.mark.slow
def test_a_run_that_diverges_without_is_saved_with(advised):
    """The rate is lowered and a checkpoint saved before the loss is lost, and the journal tells so."""
    with runvitals.watch("left-alone") as run:
        losses, *_ = train(run, rises=True, acts=False)
    assert not losses[-1] < 1e6 * losses[RISES_AT - 1]
    with runvitals.watch("saved") as run:
        losses, weights, saved, share = train(run, rises=True, acts=True, seconds=0.004)
    assert losses[-1] < 10.0 * losses[RISES_AT - 1]
    assert torch.isfinite(weights).all()
    assert share < 1.0
    assert saved
    assert all(step > RISES_AT and torch.isfinite(kept).all() for step, kept in saved)
    embedded.serve("127.0.0.1:0").stop()
    said = history(advised)
    assert any(sentence.startswith("action: lower_learning_rate on gradient_explosion") for sentence in said)


@pytest.mark.slow
def test_a_healthy_run_is_never_touched(advised):
    """Its weights are, to the last bit, those of the run without."""
    with runvitals.watch("healthy") as run:
        _, with_actions, saved, share = train(run, rises=False, acts=True, seconds=0.001)
    with runvitals.watch("plain") as run:
        _, without, _, _ = train(run, rises=False, acts=False)
    assert torch.equal(with_actions, without)
    assert not saved
    assert math.isclose(share, STABLE)
