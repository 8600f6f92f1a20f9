"""The callback for Keras 3."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import keras

from runvitals.client.run import Run
from runvitals.client.watch import watch
from runvitals.training.batch_losses import BatchLosses
from runvitals.training.in_order import InOrder
from runvitals.training.keras.gradients import KerasGradients, gradients_of
from runvitals.training.off_switch import OffSwitch, guarded


class VitalsCallback(keras.callbacks.Callback, OffSwitch):
    """Records the loss and the duration of each batch of `fit`, and what Keras reports of each epoch.

    A step is a batch; steps go on from the optimizer's `iterations`. Each epoch's `val_loss`, `val_accuracy`, … are
    recorded as `eval_loss`, `eval_accuracy`, …, its other metrics under their names, and the learning rate with which
    it begins. On the PyTorch back end gradient norms are recorded as well: `every` and `max_layers` are those of
    `runvitals.training.torch.watch`. The run is closed when `fit` ends.

    Where Keras calls back from threads of its own, so that `fit` need not wait for the device, this lets it.
    """

    name = "the hooks on fit"
    async_safe = True

    def __init__(self, run: str = "keras", *, every: int | None = None, max_layers: int = 16) -> None:
        keras.callbacks.Callback.__init__(self)
        OffSwitch.__init__(self)
        self._name, self._every, self._max_layers = run, every, max_layers
        self._run: Run | None = None
        self._gradients: KerasGradients | None = None
        self._first_step = self._next_step = 0
        self._begin_epoch()

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy begins anew.
        return partial(type(self), self._name, every=self._every, max_layers=self._max_layers), ()

    @guarded
    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Begin the run."""
        network = self.model
        self._next_step = int(keras.ops.convert_to_numpy(network.optimizer.iterations))
        self._run = watch(self._name)
        self._gradients = gradients_of(self._run, network, keras.backend.backend(), self._every, self._max_layers)
        if self._next_step:
            self._run.mark("resume", f"from step {self._next_step}", step=self._next_step)

    @guarded
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Record the learning rate."""
        self._begin_epoch()
        if self._run:
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            self._run.log({"learning_rate": rate}, step=self._next_step)

    @guarded
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look at the gradients of the batch before, which are there until this one begins."""
        if self._next_step > self._first_step:
            self._look_at_gradients()
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

    @guarded
    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Close the run; a `fit` that follows begins another."""
        run, self._run, self._gradients = self._run, None, None
        if run:
            run.close()

    def detach(self) -> None:
        """Stop recording; the run stays open."""
        super().detach()
        self._gradients = None

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
