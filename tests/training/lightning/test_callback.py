"""`training.lightning.VitalsCallback` in a real Trainer on the CPU."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from runvitals.training.lightning import VitalsCallback  # noqa: E402
from tests.training.torch.loops import marks, recorded  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore", "error:runvitals"),  # the framework's own warnings are not ours
]


class Network(lightning.LightningModule):
    def __init__(self, fails_at=None):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
        self.losses = []
        self.norms = []
        self.fails_at = fails_at

    def loss_of(self, batch):
        inputs, targets = batch
        return (self.layers(inputs).squeeze(-1) - targets).square().mean()

    def training_step(self, batch, number):
        if number == self.fails_at:
            raise OverflowError("of the user's own")
        loss = self.loss_of(batch)
        self.losses.append(loss.item())
        self.log("train_something", loss)
        return loss

    def on_before_optimizer_step(self, optimizer):
        self.norms.append(torch.cat([one.grad.flatten() for one in self.parameters()]).norm().item())

    def validation_step(self, batch, _):
        self.log("val_loss", self.loss_of(batch))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.01)


class ByHand(Network):
    """Makes its steps itself, with two optimizers."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, number):
        loss = super().training_step(batch, number)
        for optimizer in self.optimizers():
            optimizer.zero_grad()
        self.manual_backward(loss)
        for optimizer in self.optimizers():
            optimizer.step()
        return loss

    def configure_optimizers(self):
        return [torch.optim.SGD(layer.parameters(), lr=0.01) for layer in (self.layers[0], self.layers[2])]


def loader(rows=24):
    generator = torch.Generator().manual_seed(1)
    return DataLoader(TensorDataset(torch.randn(rows, 4, generator=generator), torch.ones(rows)), batch_size=4)


def fit(folder, module, callbacks, *, validation=None, checkpoint=None, **settings):
    settings = {"max_epochs": 1, "enable_checkpointing": False, **settings}
    trainer = lightning.Trainer(
        accelerator="cpu",
        default_root_dir=str(folder),
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    trainer.fit(module, loader(), validation, ckpt_path=checkpoint)
    return trainer


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "rings"))
    return tmp_path


def test_loss_norm_rate_and_input_of_each_step(folder):
    """Loss and gradient norm of each step are the module's own; input and activations are seen as well."""
    module = Network()
    fit(folder, module, [VitalsCallback("steps", every=1)])
    found = recorded(folder / "rings")
    assert found["loss", ""] == pytest.approx(dict(enumerate(module.losses)))
    assert found["grad_norm", ""] == pytest.approx(dict(enumerate(module.norms)))
    assert found["learning_rate", ""] == dict.fromkeys(range(6), 0.01)
    assert list(found["input_mean", ""]) == list(range(6))
    assert list(found["dead_units_ratio", "layers.1"]) == list(range(6))
    assert list(found["step_seconds", ""]) == list(range(1, 6))
    assert min(found["compute_seconds", ""].values()) > 0.0


def test_accumulated_batches_are_one_step(folder):
    """The loss is the mean of the step's batches, and the norm that of the accumulated gradient."""
    module = Network()
    fit(folder, module, [VitalsCallback("accumulated", every=1)], accumulate_grad_batches=3)
    found = recorded(folder / "rings")
    means = {step: sum(module.losses[3 * step : 3 * step + 3]) / 3 for step in range(2)}
    assert found["loss", ""] == pytest.approx(means)
    assert found["grad_norm", ""] == pytest.approx(dict(enumerate(module.norms)))


def test_steps_made_by_hand_with_two_optimizers(folder):
    """The loss is the one returned, and the steps are numbered as Lightning does."""
    module = ByHand()
    fit(folder, module, [VitalsCallback("hand", every=1)])
    found = recorded(folder / "rings")
    assert found["loss", ""] == pytest.approx({2 * number: loss for number, loss in enumerate(module.losses)})
    assert list(found["update_ratio", ""]) == list(range(0, 12, 2))


def test_a_validation_and_a_checkpoint_are_announced(folder):
    """What a validation logs is recorded, and what the training logs is not taken for it."""
    module = Network()
    fit(
        folder,
        module,
        [VitalsCallback("pauses", every=1)],
        validation=loader(8),
        val_check_interval=3,
        enable_checkpointing=True,
        max_epochs=2,
    )
    found = recorded(folder / "rings")
    assert list(found["eval_loss", ""]) == [2, 5, 8, 11]
    assert ("train_something", "") not in found
    assert all(marks(folder / "rings", kind) for kind in ("evaluation", "checkpoint"))
    assert not {3, 6, 9} & set(found["step_seconds", ""])


def test_a_resumed_training_goes_on_with_its_steps(folder):
    """From a checkpoint the steps go on where it was, and the resume is marked."""
    fit(folder, Network(), []).save_checkpoint(folder / "saved.ckpt")
    fit(folder, Network(), [VitalsCallback("resumed")], max_epochs=2, checkpoint=folder / "saved.ckpt")
    assert list(recorded(folder / "rings")["loss", ""]) == list(range(6, 12))
    assert [mark.step for mark in marks(folder / "rings", "resume")] == [6]


def test_an_exception_is_recorded_by_its_type(folder):
    """A training that raises ends its run so; its steps can be read."""
    with pytest.raises(OverflowError):
        fit(folder, Network(fails_at=3), [VitalsCallback("raises")])
    assert [end.text for end in marks(folder / "rings", "run_raised")] == ["OverflowError"]
    assert list(recorded(folder / "rings")["loss", ""]) == [0, 1, 2]


def test_the_weights_are_the_same_with_and_without(folder):
    """After a hundred steps every weight is equal to the last bit."""
    found = []
    for callbacks in ([], [VitalsCallback("same", every=1)]):
        module = Network()
        fit(folder, module, callbacks, max_epochs=-1, max_steps=100, gradient_clip_val=0.1)
        found.append(module.state_dict())
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


def test_an_exception_in_the_callback_turns_it_off_once(folder, monkeypatch):
    """A fault of ours is one warning, and the training goes on."""
    monkeypatch.setattr("runvitals.training.lightning.callback._parts", lambda _: 1 / 0)
    module = Network()
    with pytest.warns(RuntimeWarning, match="hooks on the Trainer are off") as warned:
        fit(folder, module, [VitalsCallback("broken")])
    assert len([one for one in warned if "runvitals" in str(one.message)]) == 1
    assert len(module.losses) == 6
    assert len(marks(folder / "rings", "unwatched")) == len(marks(folder / "rings", "run_finished")) == 1


def test_a_copy_of_the_callback_watches_as_well(folder):
    """Strategies that start processes hand copies to them."""
    fit(folder, Network(), [copy.deepcopy(VitalsCallback("copied"))])
    assert len(recorded(folder / "rings")["loss", ""]) == 6
