"""Trains with Keras on the back end of $KERAS_BACKEND, and prints what was recorded as JSON: for the tests."""

import copy
import json
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path

import keras
import numpy

from runvitals.sources.ring import RingSettings, RingSource
from runvitals.training.keras import VitalsCallback
from runvitals.values import Event, Sample

ROWS, BATCH = 40, 8


def data(bad=None):
    random = numpy.random.default_rng(1)
    inputs = random.normal(size=(ROWS, 4)).astype("float32")
    targets = random.normal(size=(ROWS, 1)).astype("float32")
    if bad is not None:
        targets[bad] = numpy.nan
    return inputs, targets


def network(rate=0.0, **compiled):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(1, name="only")]
    made = keras.Sequential(layers)
    made.compile(optimizer=keras.optimizers.SGD(rate, momentum=0.9 if rate else 0.0), loss="mse", **compiled)
    return made


def fit(made, callbacks, epochs=1, bad=None, **settings):
    inputs, targets = data(bad)
    made.fit(
        inputs,
        targets,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
        validation_data=(inputs, targets),
        **settings,
    )
    return made


def read(name):
    """Return the values by "signal layer" and step, and the events, of the run of this name."""
    folder = os.environ["RUNVITALS_RUNS_DIR"]
    values, events = {}, []
    source = RingSource(RingSettings(folders=(folder,)))
    for item in source.poll(0.0).items:
        if item.run == name and isinstance(item, Sample):
            values.setdefault(f"{item.signal} {item.layer}".strip(), {})[item.step] = item.value
        elif item.run == name and isinstance(item, Event):
            events.append([item.kind.value, item.step])
    source.close()
    return {"values": values, "events": events}


def expected():
    """Return the losses and gradient norms of the batches of a network that does not learn."""
    made = network()
    kernel, bias = (weight.astype("float64") for weight in made.get_weights())
    losses, norms = [], []
    inputs, targets = data()
    for first in range(0, ROWS, BATCH):
        x, y = inputs[first : first + BATCH].astype("float64"), targets[first : first + BATCH]
        error = x @ kernel + bias - y
        losses.append(float((error**2).mean()))
        gradient = numpy.concatenate([2 * (x.T @ error).ravel() / BATCH, [2 * error.mean()]])
        norms.append(float(numpy.linalg.norm(gradient)))
    return {"losses": losses, "norms": norms}


def weights(callbacks):
    return [weight.tobytes() for weight in fit(network(0.01), callbacks, epochs=20).get_weights()]


def broken():
    """Return the warnings of a callback that fails, and whether the training went on."""
    callback = VitalsCallback("broken")
    callback._record = lambda *_: 1 / 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        made = fit(network(), [callback])
    ours = [str(one.message) for one in warned if "runvitals" in str(one.message)]
    kinds = [kind for kind, _ in read("broken")["events"]]
    return {"warnings": ours, "iterations": int(made.optimizer.iterations), "events": kinds}


class Interrupted(keras.callbacks.Callback):
    """Breaks a training off; Keras then tells callbacks of no end."""

    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def broken_off():
    """Return the events of two trainings with one callback, of which the first was broken off."""
    callback = VitalsCallback("again")
    with suppress(KeyboardInterrupt):
        fit(network(), [callback, Interrupted()])
    fit(network(), [callback])
    return [kind for kind, _ in read("again")["events"]]


def main():
    fit(network(metrics=["mae"]), [VitalsCallback("plain", every=1)], epochs=2)
    fit(network(), [VitalsCallback("bad", every=1)], epochs=2, bad=12)
    if keras.backend.backend() != "torch":  # it makes one batch an execution
        fit(network(steps_per_execution=2), [VitalsCallback("several")])
    resumed = fit(network(), [])
    fit(resumed, [copy.copy(VitalsCallback("resumed"))])
    found = {
        **{name: read(name) for name in ("plain", "bad", "several", "resumed")},
        "expected": expected(),
        "same": weights([]) == weights([VitalsCallback("same", every=1)]),
        "broken": broken(),
        "broken_off": broken_off(),
        "is_async": keras.callbacks.CallbackList([VitalsCallback("x")])._async_train,
        "back_end": keras.backend.backend(),
    }
    Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
