"""What can be planted in a run: functions that change a training while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hazard.optimizers import Sgd
from runvitals.values import EventKind
from tests.scenarios.scenario import START
from tests.scenarios.training import Training

Act = Callable[[Training], None]


def set_rate(factor: float) -> Act:
    """Multiply the learning rate from now on."""
    return lambda training: setattr(training, "rate_factor", factor)


def ramp_rate(factor: float, steps: int, times: float = 3.0) -> Act:
    """Let the learning rate grow exponentially, by `factor` in so many steps, for so many `times` that long."""

    def act(training: Training) -> None:
        start, schedule = training.step, training.plan.schedule
        grown = lambda step: schedule(step) * factor ** min(max(0.0, (step - start) / steps), times)  # noqa: E731
        training.plan = training.plan._replace(schedule=grown)

    return act


def pulse_rate(factor: float, steps: int) -> Act:
    """Multiply the learning rate for so many steps."""

    def act(training: Training) -> None:
        start, schedule = training.step, training.plan.schedule
        pulsed = lambda step: schedule(step) * (factor if start <= step < start + steps else 1.0)  # noqa: E731
        training.plan = training.plan._replace(schedule=pulsed)

    return act


def alter_inputs(change: Callable[[np.ndarray], np.ndarray], times: int | None = None) -> Act:
    """Change the inputs of the next `times` batches (None: of all from now on)."""

    def act(training: Training) -> None:
        left = [times]

        def altered(batch: Any) -> Any:
            if left[0] == 0:
                return batch
            if left[0] is not None:
                left[0] -= 1
            return (change(batch[0].copy()), *batch[1:])

        training.alter_batch = altered

    return act


def scaled(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Inputs that are so many times too large."""
    return lambda inputs: inputs * inputs.dtype.type(factor)


def with_nan(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """Inputs of which the first examples hold NaN."""

    def change(inputs: np.ndarray) -> np.ndarray:
        inputs[: max(1, int(share * len(inputs)))] = np.nan
        return inputs

    return change


def shuffle_targets(training: Training) -> None:
    """Targets that have nothing to do with the inputs, as after a join on the wrong key."""
    training.alter_batch = lambda batch: (*batch[:-1], training.rng.permutation(batch[-1]))


def relabel(share: float, times: int | None = None) -> Act:
    """Replace a share of the targets by those of other examples, in the next `times` batches."""

    def act(training: Training) -> None:
        left = [times]

        def altered(batch: Any) -> Any:
            if left[0] == 0:
                return batch
            if left[0] is not None:
                left[0] -= 1
            targets = batch[-1].copy()
            count = int(share * len(targets))
            targets[:count] = np.roll(targets, 1, axis=0)[:count]
            return (*batch[:-1], targets)

        training.alter_batch = altered

    return act


def repeat_batch(training: Training) -> None:
    """The loader gives the same batch again and again."""
    kept = training.network.draw(training.rng, training.plan.batch)
    training.alter_batch = lambda _: kept


def forget_layers(*layers: str) -> Act:
    """The optimizer was not given these layers (none named: any); their gradients are there all the same."""

    def act(training: Training) -> None:
        places = [training.network.layers[layer] for layer in layers or tuple(training.network.layers)]
        step = training.optimizer.step

        def partial_step(weights: np.ndarray, gradient: np.ndarray, rate: float) -> None:
            before = weights.copy()
            step(weights, gradient, rate)
            for place in places:
                weights[place] = before[place]

        training.optimizer.step = partial_step

    return act


def shrink_updates(factor: float) -> Act:
    """The optimizer's steps are so much smaller than the rate that is logged says."""

    def act(training: Training) -> None:
        step = training.optimizer.step
        training.optimizer.step = lambda weights, gradient, rate: step(weights, gradient, rate * factor)

    return act


def multiply_gradient(factor: float) -> Act:
    """A sum where a mean was meant: every gradient is so many times too large."""
    return lambda training: setattr(training, "alter_gradient", lambda gradient: gradient * np.float32(factor))


def break_gradient(share: float, value: float, times: int | None = None) -> Act:
    """In a share of the steps one entry of the gradient overflows, though the loss is finite."""

    def act(training: Training) -> None:
        left = [times]

        def broken(gradient: np.ndarray) -> np.ndarray:
            if left[0] != 0 and training.rng.random() < share:
                left[0] = None if left[0] is None else left[0] - 1
                gradient = gradient.copy()
                gradient[0] = value
            return gradient

        training.alter_gradient = broken

    return act


def kill_units(per_step: float, share: float = 1.0) -> Act:
    """A wrong sign in a regulariser pushes the hidden biases down, step by step, until the units are dead."""

    def act(training: Training) -> None:
        layers = training.network.layers
        hidden = list(layers)[:-1]
        width = training.plan.options.get("width", 32)
        step = training.optimizer.step

        def pushed(weights: np.ndarray, gradient: np.ndarray, rate: float) -> None:
            step(weights, gradient, rate)
            for layer in hidden:
                biases = slice(layers[layer].stop - width, layers[layer].stop)
                weights[biases][: int(share * width)] -= per_step

        training.optimizer.step = pushed

    return act


def set_biases(value: float) -> Act:
    """All hidden biases are far too low, as from a wrong checkpoint."""

    def act(training: Training) -> None:
        width = training.plan.options.get("width", 32)
        for layer in list(training.network.layers)[:-1]:
            stop = training.network.layers[layer].stop
            training.network.weights[stop - width : stop] = value

    return act


def multiply_weights(factor: float, *layers: str) -> Act:
    """Weights that are so many times too large."""

    def act(training: Training) -> None:
        for layer in layers or tuple(training.network.layers):
            training.network.weights[training.network.layers[layer]] *= np.float32(factor)

    return act


def spoil_weights(spread: float) -> Act:
    """Noise on all weights, as where half a checkpoint was restored."""

    def act(training: Training) -> None:
        weights = training.network.weights
        weights += (spread * weights.std() * training.rng.normal(size=len(weights))).astype(np.float32)

    return act


def change_loss(change: Callable[[float], float]) -> Act:
    """Another loss is logged than was meant."""
    return lambda training: setattr(training, "alter_loss", change)


def set_clock(**fields: float) -> Act:
    """Change how long steps take from now on: factors of the fields of StepClock."""

    def act(training: Training) -> None:
        for name, factor in fields.items():
            setattr(training.clock, name, getattr(training.clock, name) * factor)

    return act


def set_machine(**fields: float) -> Act:
    """Change fields of the machine from now on."""

    def act(training: Training) -> None:
        for name, value in fields.items():
            setattr(training.machine, name, value)

    return act


def leak(per_second: float) -> Act:
    """Memory that is never given back."""

    def act(training: Training) -> None:
        training.machine.leak_per_second = per_second
        training.machine.leak_started = training.now - START

    return act


def say(kind: EventKind, text: str = "", **fields: str) -> Act:
    """Something stands in the log, or was marked, just after the step before."""
    return lambda training: training.log.event(kind, training.now + 0.01, training.step, text, **fields)


def stop(end: EventKind | None) -> Act:
    """The run ends, or stands still."""
    return lambda training: training.stop(end)


def resume(*, loses_state: bool = False, restarts: bool = True, is_marked: bool = True, spread: float = 0.0) -> Act:
    """Go on from the last checkpoint; with `spread` the weights are not restored well either."""

    def act(training: Training) -> None:
        training.resume(loses_state=loses_state, restarts=restarts, is_marked=is_marked)
        if spread:
            spoil_weights(spread)(training)

    return act


def change_task(training: Training) -> None:
    """Other data from now on, and it is said so."""
    training.log.event(EventKind.PHASE, training.now, training.step, "second stage")
    training.network.change_task(training.rng)


def pretrain(training: Training, steps: int = 1500) -> None:
    """Start from weights that have been trained on the same data."""
    network, optimizer = training.network, Sgd(0.9)
    for _ in range(steps):
        _, gradient = network.loss_and_gradient(network.draw(training.rng, 32))
        optimizer.step(network.weights, gradient, 0.02)


def together(*acts: Act) -> Act:
    """Several things at once."""

    def act(training: Training) -> None:
        for one in acts:
            one(training)

    return act
