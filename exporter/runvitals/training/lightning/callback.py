"""The callback for Lightning's Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from runvitals.training.actions import CHECKPOINT, DEFAULT_FACTOR, LOWER, STOP
from runvitals.training.framework_callback import Actions, FrameworkCallback
from runvitals.training.lightning.base import Callback
from runvitals.training.off_switch import guarded
from runvitals.training.torch import TorchRun, watch
from runvitals.training.torch.learning_rates import lower


class VitalsCallback(Callback, FrameworkCallback):
    """Watches the module and the optimizers of a Trainer, and records the loss of each step.

    A step has the number of Lightning's `global_step` when it begins. What is logged during a validation is recorded
    under its name when the validation ends. `every` and `max_layers` are those of `runvitals.training.torch.watch`.
    The run is closed when the training ends, also by an exception, whose type is recorded.

    `actions` are what the Trainer is told to do, once for each finding, by the fault: `checkpoint` (into
    `checkpoint_folder`, else `default_root_dir`), `lower_learning_rate` (by `factor`, of the schedules as well),
    `stop`. A callback cannot skip a batch: ValueError. Where several processes train, none is taken.
    """

    name = "the hooks on the Trainer"
    framework = "Lightning's Trainer"
    possible = (CHECKPOINT, LOWER, STOP)

    def __init__(
        self,
        run: str = "lightning",
        *,
        every: int | None = None,
        max_layers: int = 16,
        actions: Actions | None = None,
        factor: float = DEFAULT_FACTOR,
        checkpoint_folder: str | Path | None = None,
    ) -> None:
        FrameworkCallback.__init__(
            self,
            run,
            every=every,
            max_layers=max_layers,
            actions=actions,
            factor=factor,
            checkpoint_folder=checkpoint_folder,
        )
        self._checkpoint_folder = checkpoint_folder
        self._run: TorchRun | None = None
        self._step: int | None = None
        self._losses: list[Any] = []
        self._trained: set[str] = set()
        self._validated: set[str] = set()

    @guarded
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Attach the hooks."""
        made = trainer.global_step
        self._step, self._losses = None, []
        run = watch(
            trainer.model,
            trainer.optimizers,
            run=self._name or "lightning",
            scaler=getattr(trainer.precision_plugin, "scaler", None),
            every=self._every,
            max_layers=self._max_layers,
            first_step=made,
        )
        self._begin(run, made=made, first=made, processes=trainer.world_size)
        self._undo.append(run.detach)

    @guarded
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Begin a step, unless it goes on with another batch."""
        if self._run and trainer.global_step != self._step:
            self._step = trainer.global_step
            self._run.begin_step(self._step, _parts(batch))

    @guarded
    def on_train_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Record the loss, once the step is made, and act on findings."""
        loss: Any = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if torch.is_tensor(loss) and loss.numel() == 1:
            self._losses.append(loss.detach().reshape(()))
        if self._run and self._losses and trainer.global_step != self._step:
            losses, self._losses = self._losses, []
            # Lightning divides the loss of each batch by the number of batches that are accumulated.
            share = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._run.log(loss=torch.stack(losses).mean() * share, step=self._step)
        if trainer.global_step != self._step:
            self._act_on(trainer)

    @guarded
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Announce the pause."""
        if self._run:
            self._trained = set(trainer.callback_metrics) - self._validated
            self._run.mark("evaluation")

    @guarded
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Record what was logged meanwhile, and leave it out of the next step's time."""
        if self._run:
            found = {name: value for name, value in trainer.callback_metrics.items() if name not in self._trained}
            self._validated |= set(found)
            self._run.log(found)
            self._run.interrupt()

    @guarded
    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:  # noqa: ARG002
        """Announce the pause, and leave it out of the next step's time."""
        if self._run:
            self._run.mark("checkpoint")
            self._run.interrupt()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Close the run; a training that begins later attaches again."""
        self._end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        """Close the run, and say by what it ended."""
        self._end(exception)

    def _act_on(self, trainer: Any) -> None:
        schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
        self._act(
            trainer.global_step,
            {
                CHECKPOINT: lambda step: _save(trainer, self._checkpoint_folder, step),
                LOWER: lambda _: lower(trainer.optimizers, schedulers, self._factor),
                STOP: lambda _: _stop(trainer),
            },
        )


def _save(trainer: Any, folder: str | Path | None, step: int) -> str:
    path = Path(folder or trainer.default_root_dir) / f"runvitals-step={step}.ckpt"
    trainer.save_checkpoint(path)
    return f"saved as {path.name}"


def _stop(trainer: Any) -> str:
    trainer.should_stop = True
    return "told to the Trainer"


def _parts(batch: Any) -> tuple[Any, ...]:
    """Return the tensors of a batch, the inputs first as is the custom."""
    if isinstance(batch, dict):
        return tuple(batch.values())
    return tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
