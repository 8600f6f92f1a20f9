"""The callback for Hugging Face's Trainer."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from transformers import TrainerCallback

from runvitals.training.actions import CHECKPOINT, DEFAULT_FACTOR, LOWER, STOP
from runvitals.training.framework_callback import Actions, FrameworkCallback
from runvitals.training.off_switch import guarded
from runvitals.training.torch import TorchRun, watch
from runvitals.training.torch.learning_rates import lower
from runvitals.training.transformers.losses import RawLosses

_SEEN_BY_HOOKS = {"grad_norm", "learning_rate"}
_OF_THE_WHOLE_RUN = {"total_flos", "train_loss", "epoch"}
_RATES = ("_runtime", "_per_second")


class VitalsCallback(TrainerCallback, FrameworkCallback):
    """Watches a Trainer's model and optimizer, and records the raw loss of each step.

    A step has the number that the Trainer gives it: that of the optimizer steps made after it. The loss is the one that
    the model returns; where something else computes it (label smoothing, `compute_loss_func`) it is the one that the
    Trainer logs, which is a mean, and in which `logging_nan_inf_filter` hides NaN. Other numbers that are logged, and
    those of evaluations, are recorded under their names.

    `run` is the run's name (default: `run_name`, else the last part of `output_dir`); `every` and `max_layers` are
    those of `runvitals.training.torch.watch`. The run is closed when the training ends.

    `actions` are what the Trainer is told to do, once for each finding, by the fault: `checkpoint`,
    `lower_learning_rate` (by `factor`, of the schedule as well), `stop`. A step's batch cannot be skipped: ValueError.
    Where several processes train, none is taken.
    """

    name = "the hooks on the Trainer"
    framework = "the Trainer"
    possible = (CHECKPOINT, LOWER, STOP)

    def __init__(
        self,
        run: str | None = None,
        *,
        every: int | None = None,
        max_layers: int = 16,
        actions: Actions | None = None,
        factor: float = DEFAULT_FACTOR,
    ) -> None:
        FrameworkCallback.__init__(self, run, every=every, max_layers=max_layers, actions=actions, factor=factor)
        self._run: TorchRun | None = None
        self._losses = RawLosses()
        self._has_raw_loss = False

    @guarded
    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Attach the hooks."""
        self._end_the_one_before()
        made = state.global_step
        run = watch(
            given["model"],
            given["optimizer"],
            run=self._name or args.run_name or PurePath(args.output_dir).name or "transformers",
            every=self._every,
            max_layers=self._max_layers,
            first_step=made + 1,
        )
        self._begin(run, made=made, first=made + 1, processes=args.world_size)
        self._undo += [self._losses.attach(given["model"]), run.detach]

    @guarded
    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Number the step."""
        if self._run:
            self._run.begin_step(state.global_step + 1)

    @guarded
    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Record the loss."""
        loss = self._losses.take()
        if self._run and loss is not None:
            self._has_raw_loss = True
            self._run.log(loss=loss, step=state.global_step + 1)

    @guarded
    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Act on findings, and announce the pauses that follow the step."""
        self._act(
            state.global_step,
            {
                CHECKPOINT: lambda _: _ask(control, "should_save"),
                LOWER: lambda _: lower([given["optimizer"]], [given.get("lr_scheduler")], self._factor),
                STOP: lambda _: _ask(control, "should_training_stop"),
            },
        )
        self._announce(control, state.global_step)

    @guarded
    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Announce the pauses that follow the epoch."""
        self._announce(control, state.global_step)

    @guarded
    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **given: Any) -> None:  # noqa: ARG002
        """Record what is logged and not seen otherwise."""
        left_out = _SEEN_BY_HOOKS | _OF_THE_WHOLE_RUN | ({"loss"} if self._has_raw_loss else set())
        self._record({name: value for name, value in (logs or {}).items() if name not in left_out}, state.global_step)

    @guarded
    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **given: Any) -> None:  # noqa: ARG002
        """Leave the evaluation out of the next step's time; its metrics were logged."""
        if self._run:
            self._run.interrupt()

    @guarded
    def on_save(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Leave the checkpoint out of the next step's time."""
        if self._run:
            self._run.interrupt()

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Close the run; a training that begins later attaches again."""
        self._end()

    def _announce(self, control: Any, step: int) -> None:
        if self._run and control.should_evaluate:
            self._run.mark("evaluation", step=step)
        if self._run and control.should_save:
            self._run.mark("checkpoint", step=step)

    def _record(self, values: dict[str, Any], step: int) -> None:
        numbers = {
            name: value
            for name, value in values.items()
            if isinstance(value, (int, float)) and not name.endswith(_RATES)
        }
        if self._run and numbers:
            self._run.log(numbers, step=step)


def _ask(control: Any, wish: str) -> str:
    setattr(control, wish, True)
    return "told to the Trainer"
