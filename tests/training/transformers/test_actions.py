"""What Hugging Face's Trainer is told to do about findings, in real training on the CPU."""

import time

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("transformers", reason="Hugging Face transformers is not installed")

from transformers import Trainer, TrainerCallback, TrainingArguments  # noqa: E402

from runvitals.client.advice import Advice  # noqa: E402
from runvitals.client.run import Run  # noqa: E402
from runvitals.training.transformers import VitalsCallback  # noqa: E402
from tests.training.divergence import (  # noqa: E402
    ACTIONS,
    RISES_AT,
    STABLE,
    STEPS,
    UNSTABLE,
    advising,
    history,
    regression,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore", "error:runvitals"),  # the framework's own warnings are not ours
]
SPIKE = Advice("loss_spike", "warning", "parameters", 3, 0.9, "Look.", "id-1")


class Regression(torch.nn.Module):
    def __init__(self, seconds=0.0):
        super().__init__()
        self.layer = torch.nn.Linear(8, 1, bias=False)
        torch.nn.init.zeros_(self.layer.weight)
        self.seconds, self.losses = seconds, []
        self.generator = torch.Generator().manual_seed(1)

    def forward(self, inputs, labels):
        noise = 0.05 * torch.randn(labels.shape, generator=self.generator)
        loss = (self.layer(inputs) - labels + noise).square().mean()
        self.losses.append(loss.item())
        time.sleep(self.seconds)
        return {"loss": loss}


class RisingRate(TrainerCallback):
    """Raises the learning rate beyond what is stable, once, as a user's schedule might: for good."""

    def on_step_begin(self, args, state, control, optimizer, lr_scheduler, **_):
        if state.global_step == RISES_AT:
            lr_scheduler.base_lrs = [rate * UNSTABLE / STABLE for rate in lr_scheduler.base_lrs]
            optimizer.param_groups[0]["lr"] *= UNSTABLE / STABLE


def train(folder, callbacks, *, rises=False, seconds=0.0, steps=STEPS, **settings):
    """Return the trained model and the number of steps."""
    inputs, targets, limit = regression()
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=3,
        max_steps=steps,
        per_device_train_batch_size=64,
        logging_strategy="no",
        save_strategy="no",
        lr_scheduler_type="constant",
        learning_rate=limit * STABLE,
        optim="sgd",
        max_grad_norm=0.0,
        **settings,
    )
    data = [{"inputs": row, "labels": label} for row, label in zip(inputs, targets, strict=True)]
    model = Regression(seconds)
    trainer = Trainer(model, arguments, train_dataset=data, callbacks=[*callbacks, *([RisingRate()] if rises else [])])
    trainer.train()
    return model, trainer.state.global_step


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


def test_a_run_that_diverges_without_is_saved_with(folder):
    """The rate of the constant schedule is lowered for good, and a checkpoint saved; a healthy run is not touched."""
    with advising(folder):
        alone, _ = train(folder, [VitalsCallback("left-alone", every=1)], rises=True)
        assert not list(folder.glob("out/checkpoint-*"))
        saved, _ = train(folder, [VitalsCallback("saved", every=1, actions=ACTIONS)], rises=True, seconds=0.004)
        checkpoints = list(folder.glob("out/checkpoint-*"))
        healthy = [VitalsCallback("healthy", every=1, actions=ACTIONS)]
        untouched, _ = train(folder, healthy, seconds=0.001, steps=RISES_AT)
    plain, _ = train(folder, [], steps=RISES_AT)
    assert not alone.losses[-1] < 1e6 * alone.losses[RISES_AT - 1]
    assert saved.losses[-1] < 10.0 * max(saved.losses[100:RISES_AT])
    assert checkpoints
    assert any(said.startswith("action: lower_learning_rate on gradient_explosion") for said in history(folder))
    assert torch.equal(untouched.layer.weight, plain.layer.weight)


def test_a_training_that_is_told_to_stop_ends(folder, monkeypatch):
    """The step in which the finding is seen is the last."""
    monkeypatch.setattr(Run, "advice", lambda _: (SPIKE,))
    _, steps = train(folder, [VitalsCallback("stopped", actions={"loss_spike": ["stop"]})], steps=50)
    assert steps == 1


def test_what_it_cannot_do_is_refused_at_the_start():
    """The Trainer lets no callback skip a batch."""
    with pytest.raises(ValueError, match="the Trainer cannot be told to skip_batch; it can checkpoint"):
        VitalsCallback(actions={"loss_spike": ["skip_batch"]})
