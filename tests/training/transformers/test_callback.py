"""`training.transformers.VitalsCallback` in a real Trainer on the CPU."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("transformers", reason="Hugging Face transformers is not installed")

from torch import nn  # noqa: E402
from transformers import (  # noqa: E402
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from runvitals.training.transformers import VitalsCallback  # noqa: E402
from runvitals.training.transformers.losses import RawLosses  # noqa: E402
from tests.training.torch.loops import marks, recorded  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore", "error:runvitals"),  # the framework's own warnings are not ours
]


class Regression(nn.Module):
    """A model of the user's own, which computes its loss."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, inputs, labels):
        predicted = self.layer(inputs).squeeze(-1)
        return {"loss": (predicted - labels).square().mean(), "logits": predicted}


def rows(count, bad=None):
    generator = torch.Generator().manual_seed(1)
    found = [{"inputs": torch.randn(4, generator=generator), "labels": torch.tensor(1.0)} for _ in range(count)]
    if bad is not None:
        found[bad]["labels"] = torch.tensor(float("nan"))
    return found


def trainer(folder, callbacks, *, model=None, data=None, **settings):
    torch.manual_seed(0)
    settings = {"max_steps": 6, "per_device_train_batch_size": 2, "logging_steps": 1, **settings}
    arguments = TrainingArguments(
        output_dir=str(folder / "out"), report_to=[], use_cpu=True, disable_tqdm=True, seed=3, **settings
    )
    return Trainer(
        model=model or Regression(),
        args=arguments,
        train_dataset=data or rows(64),
        eval_dataset=rows(4),
        callbacks=callbacks,
    )


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "rings"))
    return tmp_path


def test_losses_norms_and_rates_of_each_step_are_those_of_the_trainer(folder):
    """With logging at each step the Trainer and the hooks agree on loss, norm and learning rate, step by step."""
    watched = trainer(folder, [VitalsCallback("agree", every=1)], max_grad_norm=0.5)
    watched.train()
    found = recorded(folder / "rings")
    logged = {row["step"]: row for row in watched.state.log_history if "loss" in row}
    assert len(logged) == 6
    for step, row in logged.items():
        assert found["loss", ""][step] == pytest.approx(row["loss"], rel=1e-3, abs=1e-4)
        assert found["grad_norm", ""][step] == pytest.approx(row["grad_norm"], rel=1e-3)
        assert found["clipped_grad_norm", ""][step] == pytest.approx(min(row["grad_norm"], 0.5), rel=1e-3)
        assert found["learning_rate", ""][step] == pytest.approx(row["learning_rate"], rel=1e-3)
    assert list(found["step_seconds", ""]) == [2, 3, 4, 5, 6]


def test_a_loss_that_the_trainer_hides_is_recorded(folder):
    """The Trainer replaces NaN by a mean in what it logs; the raw loss of that step is NaN."""
    watched = trainer(folder, [VitalsCallback("hidden")], data=rows(12, bad=7))
    watched.train()
    logged = [row["loss"] for row in watched.state.log_history if "loss" in row]
    assert all(math.isfinite(loss) for loss in logged)
    losses = recorded(folder / "rings")["loss", ""]
    assert any(math.isnan(loss) for loss in losses.values())
    assert len(losses) == 6


@pytest.mark.parametrize("accumulated", [1, 3])
def test_a_language_models_loss_is_that_of_all_tokens(folder, accumulated):
    """Where the Trainer shares a loss out over accumulated batches of unequal length, the step's loss is the sum."""
    generator = torch.Generator().manual_seed(2)
    data = []
    for row in range(24):
        tokens = torch.randint(0, 32, (8,), generator=generator)
        labels = tokens.clone()
        labels[: row % 6] = -100
        data.append({"input_ids": tokens, "labels": labels})
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=8, n_embd=16, n_layer=1, n_head=2))
    watched = trainer(
        folder,
        [VitalsCallback("tokens", every=1)],
        model=model,
        data=data,
        max_steps=3,
        gradient_accumulation_steps=accumulated,
    )
    watched.train()
    found = recorded(folder / "rings")
    logged = {row["step"]: row for row in watched.state.log_history if "loss" in row}
    for step, row in logged.items():
        assert found["loss", ""][step] == pytest.approx(row["loss"], rel=1e-3)
        assert found["grad_norm", ""][step] == pytest.approx(row["grad_norm"], rel=1e-3)
    assert len(found["step_seconds", ""]) == 2


def test_an_evaluation_and_a_checkpoint_are_announced(folder):
    """Marks come before the pause, what the evaluation found is recorded, and no step is charged with its time."""
    callback = VitalsCallback("pauses", every=1)
    trainer(folder, [callback], eval_strategy="steps", eval_steps=2, save_strategy="steps", save_steps=4).train()
    found = recorded(folder / "rings")
    assert list(found["eval_loss", ""]) == [2, 4, 6]
    assert [mark.step for mark in marks(folder / "rings", "evaluation")] == [2, 4, 6]
    assert 4 in [mark.step for mark in marks(folder / "rings", "checkpoint")]
    assert list(found["step_seconds", ""]) == [2, 4, 6]
    assert not {name for name, _ in found if name.endswith(("runtime", "per_second"))}


def test_a_resumed_training_goes_on_with_its_steps(folder):
    """From a checkpoint the steps go on where it was, and the resume is marked."""
    trainer(folder, [], save_strategy="steps", save_steps=3).train()
    trainer(folder, [VitalsCallback("resumed", every=1)]).train(resume_from_checkpoint=str(folder / "out/checkpoint-3"))
    assert list(recorded(folder / "rings")["loss", ""]) == [4, 5, 6]
    assert [mark.step for mark in marks(folder / "rings", "resume")] == [4]


class Interrupted(TrainerCallback):
    """Breaks a training off, as one in a notebook is; the Trainer then tells callbacks of no end."""

    def on_step_end(self, args, state, control, **_):
        raise KeyboardInterrupt


def test_a_training_that_was_broken_off_leaves_no_hooks_to_the_next(folder):
    """It ends when the same callback begins another: each step is seen by the hooks of its own training alone."""
    watched = trainer(folder, [VitalsCallback("again", every=1), Interrupted()])
    with pytest.raises(KeyboardInterrupt):
        watched.train()
    watched.remove_callback(Interrupted)
    watched.train()
    assert list(recorded(folder / "rings")["update_ratio", ""]) == [1, 2, 3, 4, 5, 6]
    assert len(marks(folder / "rings", "run_finished")) == 2
    assert not watched.model._forward_hooks


def test_the_weights_are_the_same_with_and_without(folder):
    """After a hundred steps every weight is equal to the last bit."""
    models = [Regression(), Regression()]
    models[1].load_state_dict(models[0].state_dict())
    for model, callbacks in zip(models, ([], [VitalsCallback("same", every=1)]), strict=True):
        trainer(folder, callbacks, model=model, max_steps=100, save_strategy="no").train()
    assert all(torch.equal(value, models[1].state_dict()[name]) for name, value in models[0].state_dict().items())


def test_a_loss_computed_elsewhere_is_the_logged_one(folder):
    """Where the model gives no loss, that of the Trainer's log is recorded."""

    class WithoutLoss(Regression):
        def forward(self, inputs):
            return {"logits": self.layer(inputs).squeeze(-1)}

    watched = trainer(
        folder,
        [VitalsCallback("elsewhere")],
        model=WithoutLoss(),
        label_names=["labels"],
        remove_unused_columns=False,
    )
    watched.compute_loss_func = lambda outputs, labels, **_: (outputs["logits"] - labels).square().mean()
    watched.train()
    logged = {row["step"]: row["loss"] for row in watched.state.log_history if "loss" in row}
    assert recorded(folder / "rings")["loss", ""] == logged


def test_an_exception_in_the_callback_turns_it_off_once(folder, monkeypatch):
    """A fault of ours is one warning, and the training goes on."""
    monkeypatch.setattr(RawLosses, "take", lambda _: 1 / 0)
    watched = trainer(folder, [VitalsCallback("broken", every=1)])
    with pytest.warns(RuntimeWarning, match="hooks on the Trainer are off") as warned:
        watched.train()
    assert len([one for one in warned if "runvitals" in str(one.message)]) == 1
    assert watched.state.global_step == 6
    assert not watched.model._forward_hooks
    assert len(marks(folder / "rings", "unwatched")) == len(marks(folder / "rings", "run_finished")) == 1
