"""What Lightning's Trainer is told to do about findings, in real training on the CPU."""

import time

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed")

from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from runvitals.client.advice import Advice  # noqa: E402
from runvitals.client.run import Run  # noqa: E402
from runvitals.training.lightning import VitalsCallback  # noqa: E402
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


class Regression(lightning.LightningModule):
    """A linear network whose learning rate may rise beyond what is stable."""

    def __init__(self, rises=False, seconds=0.0):
        super().__init__()
        *_, self.limit = regression()
        self.layer = torch.nn.Linear(8, 1, bias=False)
        torch.nn.init.zeros_(self.layer.weight)
        self.rises, self.seconds, self.losses = rises, seconds, []
        self.generator = torch.Generator().manual_seed(1)

    def on_train_batch_start(self, *_):
        if self.rises and self.global_step == RISES_AT:
            self.trainer.optimizers[0].param_groups[0]["lr"] = self.limit * UNSTABLE

    def training_step(self, batch, _):
        inputs, targets = batch
        noise = 0.05 * torch.randn(targets.shape, generator=self.generator)
        loss = (self.layer(inputs) - targets + noise).square().mean()
        self.losses.append(loss.item())
        time.sleep(self.seconds)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.limit * STABLE)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]  # an epoch at a time: never here


def fit(folder, module, callbacks, steps=STEPS):
    inputs, targets, _ = regression()
    rows = TensorDataset(torch.tensor(inputs), torch.tensor(targets))
    data = DataLoader([rows[:]] * steps, batch_size=None)
    trainer = lightning.Trainer(
        accelerator="cpu",
        default_root_dir=str(folder),
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        max_epochs=1,
        max_steps=steps,
    )
    trainer.fit(module, data)
    return trainer


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


def test_a_run_that_diverges_without_is_saved_with(folder):
    """The rate is lowered and a checkpoint saved before the loss is lost; a healthy run is not touched."""
    with advising(folder):
        alone = Regression(rises=True)
        fit(folder, alone, [VitalsCallback("left-alone", every=1)])
        saved = Regression(rises=True, seconds=0.004)
        trainer = fit(folder, saved, [VitalsCallback("saved", every=1, actions=ACTIONS)])
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        untouched = Regression(seconds=0.001)
        fit(folder, untouched, [VitalsCallback("healthy", every=1, actions=ACTIONS)], RISES_AT)
    plain = Regression()
    fit(folder, plain, [], RISES_AT)
    assert not alone.losses[-1] < 1e6 * alone.losses[RISES_AT - 1]
    assert saved.losses[-1] < 10.0 * max(saved.losses[100:RISES_AT])
    assert rate < saved.limit
    states = [torch.load(path)["state_dict"] for path in folder.glob("runvitals-step=*.ckpt")]
    assert states
    assert all(torch.isfinite(state["layer.weight"]).all() for state in states)
    assert any(said.startswith("action: lower_learning_rate on gradient_explosion") for said in history(folder))
    assert torch.equal(untouched.layer.weight, plain.layer.weight)


def test_a_training_that_is_told_to_stop_ends(folder, monkeypatch):
    """The step in which the finding is seen is the last."""
    monkeypatch.setattr(Run, "advice", lambda _: (SPIKE,))
    module = Regression()
    fit(folder, module, [VitalsCallback("stopped", actions={"loss_spike": ["stop"]})], 50)
    assert len(module.losses) == 1


def test_what_it_cannot_do_is_refused_at_the_start():
    """A callback cannot skip a batch."""
    with pytest.raises(ValueError, match="Lightning's Trainer cannot be told to skip_batch"):
        VitalsCallback(actions={"loss_spike": ["skip_batch"]})


def test_of_several_processes_none_acts_by_itself(folder, monkeypatch):
    """Ranks that lowered their rates at different steps would no longer train one model: there is a warning."""
    monkeypatch.setattr(Run, "advice", lambda _: (SPIKE,))
    monkeypatch.setattr(lightning.Trainer, "world_size", 2)
    module = Regression()
    with pytest.warns(RuntimeWarning, match="no action is taken"):
        fit(folder, module, [VitalsCallback("several", actions={"loss_spike": ["stop"]})], 5)
    assert len(module.losses) == 5
