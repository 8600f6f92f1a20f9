"""Trains with Keras on the back end of $KERAS_BACKEND beside a sidecar that advises, and prints what came of it."""

import json
import os
import sys
import time
import warnings
from pathlib import Path

import keras
import numpy

from runvitals.client.advice import Advice
from runvitals.client.run import Run
from runvitals.training.keras import VitalsCallback
from tests.training.divergence import RISES_AT, ROWS, STABLE, STEPS, UNSTABLE, WIDTH, advising, history, regression

BATCHES = 10
"""Of an epoch: Keras tells means since an epoch began, in which what was before a divergence is lost."""
FAULTS = ("gradient_explosion_likely", "gradient_explosion", "loss_spike", "divergence", "nonfinite_loss")
SPIKE = Advice("loss_spike", "warning", "parameters", 3, 0.9, "Look.", "id-1")


class Loop(keras.callbacks.Callback):
    """Takes its time, and may raise the learning rate beyond what is stable."""

    def __init__(self, *, rises, seconds):
        super().__init__()
        self.rises, self.seconds, self.step = rises, seconds, 0

    def on_train_batch_begin(self, batch, logs=None):
        if self.rises and self.step == RISES_AT:
            getattr(self.model, "jax_state_sync", lambda: None)()
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * UNSTABLE / STABLE
        self.step += 1
        time.sleep(self.seconds)


def fit(callbacks, *, steps=STEPS, rises=False, seconds=0.0, schedule=None):
    """Return the error of the trained network, its weights as bytes, and its learning rate over the stable limit."""
    keras.utils.set_random_seed(0)
    inputs, targets, limit = regression()
    noise = 0.05 * numpy.random.default_rng(1).normal(size=(BATCHES, ROWS, 1)).astype("float32")
    made = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(1, use_bias=False)])
    made.compile(optimizer=keras.optimizers.SGD(schedule or limit * STABLE), loss="mse")
    made.fit(
        numpy.tile(inputs, (BATCHES, 1)),
        (targets + noise).reshape(-1, 1),
        batch_size=ROWS,
        epochs=steps // BATCHES,
        shuffle=False,
        verbose=0,
        callbacks=[Loop(rises=rises, seconds=seconds), *callbacks],
    )
    [kernel] = made.get_weights()
    return {
        "error": float(numpy.square(inputs @ kernel.astype("float64") - targets).mean()),
        "weights": kernel.tobytes().hex(),
        "rate": float(keras.ops.convert_to_numpy(made.optimizer.learning_rate)) / limit,
        "steps": int(made.optimizer.iterations),
    }


def scheduled(folder):
    """Return the warnings where a learning rate cannot be lowered."""
    callback = VitalsCallback("scheduled", actions={"loss_spike": ["lower_learning_rate"]})
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        fit([callback], steps=20, schedule=keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9))
    return [str(one.message) for one in warned if "runvitals" in str(one.message)]


def refused(**settings):
    try:
        VitalsCallback(**settings)
    except ValueError as error:
        return str(error)
    return ""


def main():
    folder = Path(sys.argv[1])
    saves = folder / "saved"
    saves.mkdir()
    told = {
        "actions": {fault: ["checkpoint", "lower_learning_rate"] for fault in FAULTS},
        "checkpoint_folder": saves,
        "every": 1,
    }
    with advising(folder):
        found = {
            "alone": fit([VitalsCallback("left-alone", every=1)], rises=True),
            "saved": fit([VitalsCallback("saved", **told)], rises=True, seconds=0.005),
        }
        found["checkpoints"] = [
            bool(numpy.isfinite(keras.models.load_model(path).get_weights()[0]).all()) for path in saves.iterdir()
        ]
        found["healthy"] = fit([VitalsCallback("healthy", **told)], steps=RISES_AT, seconds=0.001)
    found["plain"] = fit([], steps=RISES_AT)
    found["history"] = history(folder)
    Run.advice = lambda _: (SPIKE,)
    found["stopped"] = fit([VitalsCallback("stopped", actions={"loss_spike": ["stop"]})], steps=50)
    found["scheduled"] = scheduled(folder)
    found["refused"] = [
        refused(actions={"loss_spike": ["skip_batch"]}),
        refused(actions={"loss_spike": ["checkpoint"]}),
    ]
    (folder / "found.json").write_text(json.dumps({**found, "back_end": keras.backend.backend()}))


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")
    main()
