"""The callback for Keras 3."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras

from runvitals.client.rank import rank_and_world_size
from runvitals.client.run import Run
from runvitals.client.watch import watch
from runvitals.training.actions import CHECKPOINT, DEFAULT_FACTOR, LOWER, STOP
from runvitals.training.batch_losses import BatchLosses
from runvitals.training.framework_callback import Actions, FrameworkCallback
from runvitals.training.in_order import InOrder
from runvitals.training.keras.gradients import KerasGradients, gradients_of
from runvitals.training.off_switch import guarded


class VitalsCallback(keras.callbacks.Callback, FrameworkCallback):
    """Records the loss and the duration of each batch of `fit`, and what Keras reports of each epoch.

    A step is a batch; steps go on from the optimizer's `iterations`. Each epoch's `val_loss`, `val_accuracy`, … are
    recorded as `eval_loss`, `eval_accuracy`, …, its other metrics under their names, and the learning rate with which
    it begins. On the PyTorch back end gradient norms are recorded as well: `every` and `max_layers` are those of
    `runvitals.training.torch.watch`. The run is closed when `fit` ends.

    `actions` are what `fit` is told to do, once for each finding, by the fault: `checkpoint` (the network, into
    `checkpoint_folder`, without which ValueError), `lower_learning_rate` (by `factor`; not where the optimizer was made
    with a schedule), `stop`. A batch cannot be skipped: ValueError. Where several processes train, none is taken.

    Where Keras calls back from threads of its own, so that `fit` need not wait for the device, this lets it.
    """

    name = "the hooks on fit"
    framework = "fit"
    possible = (CHECKPOINT, LOWER, STOP)
    async_safe = True

    def __init__(
        self,
        run: str = "keras",
        *,
        every: int | None = None,
        max_layers: int = 16,
        actions: Actions | None = None,
        factor: float = DEFAULT_FACTOR,
        checkpoint_folder: str | Path | None = None,
    ) -> None:
        keras.callbacks.Callback.__init__(self)
        FrameworkCallback.__init__(
            self,
            run,
            every=every,
            max_layers=max_layers,
            actions=actions,
            factor=factor,
            checkpoint_folder=checkpoint_folder,
        )
        if CHECKPOINT in self._plan.names and checkpoint_folder is None:
            raise ValueError(f"{CHECKPOINT} needs checkpoint_folder=")
        self._checkpoint_folder = Path(checkpoint_folder or ".")
        self._run: Run | None = None
        self._gradients: KerasGradients | None = None
        self._first_step = self._next_step = 0
        self._means = {CHECKPOINT: self._save, LOWER: self._lower, STOP: self._stop}
        self._begin_epoch()

    @guarded
    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Begin the run."""
        self._end_the_one_before()
        network = self.model
        self._next_step = int(keras.ops.convert_to_numpy(network.optimizer.iterations))
        run = watch(self._name or "keras")
        self._gradients = gradients_of(run, network, keras.backend.backend(), self._every, self._max_layers)
        self._begin(run, made=self._next_step, first=self._next_step, processes=rank_and_world_size()[1])

    @guarded
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Record the learning rate."""
        self._begin_epoch()
        if self._run:
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            self._run.log({"learning_rate": rate}, step=self._next_step)

    @guarded
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look at the gradients of the batch before, which are there until this one begins, and act on findings."""
        if self._next_step > self._first_step:
            self._look_at_gradients()
        self._act(self._next_step, self._means)
        self._next_step = self._first_step + batch + 1
        self._order.begin(batch)

    @guarded
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Record the loss and the duration; may come from any thread, when the batch is computed."""
        self._order.end(batch, (time.perf_counter(), (logs or {}).get("loss")))

    @guarded
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Record what Keras found in the epoch."""
        if self._next_step > self._first_step:
            self._look_at_gradients()
        if self._run:
            values = {_canonical(name): value for name, value in (logs or {}).items()}
            self._run.log(
                {name: value for name, value in values.items() if name not in _SEEN}, step=self._next_step - 1
            )

    @guarded
    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Announce the pause."""
        if self._run:
            self._run.mark("evaluation", step=max(self._next_step - 1, 0))

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Close the run; a `fit` that follows begins another."""
        self._gradients = None
        self._end()

    def detach(self) -> None:
        """Stop recording; the run stays open."""
        super().detach()
        self._gradients = None

    def _save(self, step: int) -> str:
        path = self._checkpoint_folder / f"runvitals-step={step}.keras"
        self._bring_up_to_date()
        self.model.save(path)
        return f"saved as {path.name}"

    def _lower(self, _step: int) -> str:
        self._bring_up_to_date()
        optimizer = self.model.optimizer
        before = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        optimizer.learning_rate = before * self._factor
        return f"from {before:.4g} to {before * self._factor:.4g}"

    def _stop(self, _step: int) -> str:
        self.model.stop_training = True
        return "told to fit"

    def _bring_up_to_date(self) -> None:
        """On JAX, `fit` keeps weights and optimizer in a state of its own, and takes changes back from the network."""
        synchronise = getattr(self.model, "jax_state_sync", None)
        if synchronise is not None:
            synchronise()

    def _begin_epoch(self) -> None:
        self._first_step = self._next_step
        self._order: InOrder[tuple[float, Any]] = InOrder(self._record)
        self._losses = BatchLosses()
        self._ended_at: float | None = None

    def _record(self, first: int, last: int, result: tuple[float, Any]) -> None:
        at, mean = result
        values = self._duration(at, last + 1 - first)
        loss = self._losses.take(last, mean) if isinstance(mean, float) else None
        if loss is not None:
            values["loss"] = loss
        if self._run and values:
            self._run.log(values, step=self._first_step + last)

    def _duration(self, at: float, batches: int) -> dict[str, float]:
        before, self._ended_at = self._ended_at, max(at, self._ended_at or at)
        if before is None or at <= before:  # a thread was late to tell of the batch before
            return {}
        seconds = (at - before) / batches
        if self._gradients:
            self._gradients.stepped(seconds)
        return {"step_seconds": seconds}

    def _look_at_gradients(self) -> None:
        if self._gradients:
            self._gradients.look(self._next_step - 1)


_SEEN = {"loss", "learning_rate"}


def _canonical(name: str) -> str:
    return f"eval_{name[4:]}" if name.startswith("val_") else name
