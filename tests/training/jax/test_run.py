"""`training.jax` on a real training on the CPU."""

import threading

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
optax = pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy  # noqa: E402

from runvitals.sources.ring import RingSettings, RingSource  # noqa: E402
from runvitals.training import jax as vitals  # noqa: E402
from runvitals.training.jax.run import MAX_WAITING  # noqa: E402
from tests.training.torch.loops import recorded  # noqa: E402

pytestmark = pytest.mark.slow

OPTIMIZER = optax.adamw(1e-2)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    return tmp_path


def loss_of(parameters, inputs, targets):
    hidden = jnp.tanh(inputs @ parameters["first"]["kernel"] + parameters["first"]["bias"])
    return jnp.mean((hidden @ parameters["second"]["kernel"] - targets) ** 2)


@jax.jit
def train_step(parameters, state, inputs, targets):
    loss, gradients = jax.value_and_grad(loss_of)(parameters, inputs, targets)
    updates, state = OPTIMIZER.update(gradients, state, parameters)
    metrics = {"loss": loss, "grad_norm": vitals.norms(gradients), "reference": optax.tree.norm(gradients)}
    return optax.apply_updates(parameters, updates), state, metrics


def start():
    random = numpy.random.default_rng(0)
    first = {"kernel": random.normal(size=(4, 8)).astype("float32"), "bias": numpy.zeros(8, "float32")}
    parameters = {"first": first, "second": {"kernel": random.normal(size=(8, 1)).astype("float32")}}
    return parameters, OPTIMIZER.init(parameters), random.normal(size=(16, 4)), random.normal(size=(16, 1))


def train(steps, log):
    parameters, state, inputs, targets = start()
    found = []
    for step in range(steps):
        parameters, state, metrics = train_step(parameters, state, inputs, targets)
        log(metrics, step=step)
        found.append(metrics)
    return parameters, found


class LateArray:
    """Stands for an array of a device that computes it when told; counts who waits for it."""

    def __init__(self, value):
        self.value, self.is_computed, self.sent = value, threading.Event(), 0

    def is_deleted(self):
        return False

    def is_ready(self):
        return self.is_computed.is_set()

    def copy_to_host_async(self):
        self.sent += 1

    is_fully_addressable = is_fully_replicated = True

    def __array__(self, dtype=None, copy=None):
        assert self.is_computed.is_set(), "it was waited for"
        return numpy.asarray(self.value, dtype)


def test_losses_and_norms_are_those_of_the_step(folder):
    """Loss and norm of each step are what the step returned; the norms of layers add up to that of everything."""
    with vitals.watch("steps") as run:
        _, metrics = train(20, run.log)
    found = recorded(folder)
    assert found["loss", ""] == {step: float(one["loss"]) for step, one in enumerate(metrics)}
    assert found["grad_norm", ""] == pytest.approx({step: float(one["reference"]) for step, one in enumerate(metrics)})
    squares = [found["grad_norm", "first"][step] ** 2 + found["grad_norm", "second"][step] ** 2 for step in range(20)]
    assert squares == pytest.approx([norm**2 for norm in found["grad_norm", ""].values()], rel=1e-5)
    assert list(found["step_seconds", ""]) == list(range(1, 20))


def test_the_weights_are_the_same_with_and_without_logging():
    """After a hundred steps every weight is equal to the last bit."""
    with vitals.watch("same") as run:
        watched, _ = train(100, run.log)
    plain, _ = train(100, lambda *_, **__: None)
    equal = jax.tree.map(lambda one, other: bool((one == other).all()), watched, plain)
    assert all(jax.tree.leaves(equal))


def test_nothing_waits_for_what_is_not_computed(folder):
    """Values are asked for at once, and recorded in order when they are there, under their own step."""
    run = vitals.watch("late")
    arrays = [LateArray(numpy.float32(step)) for step in range(4)]
    for step, array in enumerate(arrays):
        run.log(loss=array, step=step)
        if step == 2:
            arrays[0].is_computed.set()
    assert [array.sent for array in arrays] == [1, 1, 1, 1]
    assert [logged.step for logged in run._waiting] == [1, 2, 3]
    for array in arrays:
        array.is_computed.set()
    run.close()
    assert recorded(folder)["loss", ""] == {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}


def test_a_device_that_hangs_costs_no_memory_and_no_end(folder):
    """What waits is bounded, what is dropped is counted, and closing does not wait for ever."""
    run = vitals.watch("hangs")
    for step in range(MAX_WAITING + 10):
        run.log(loss=LateArray(numpy.float32(0.0)), step=step)
    assert len(run._waiting) == MAX_WAITING
    run.close()
    source = RingSource(RingSettings(folders=(str(folder),)))
    assert source.poll(0.0).rejected["device_behind"] == MAX_WAITING + 10
    source.close()


def test_the_step_may_be_an_array_and_values_of_half_precision(folder):
    """A step counted on the device, and losses in bfloat16, are taken as they are."""
    with vitals.watch("array") as run:
        run.log(loss=jnp.bfloat16(1.5), step=jnp.int32(7))
        run.log({"loss": jnp.float32("nan")}, step=jnp.int32(8), learning_rate=0.1)
        run.log(loss=jnp.zeros(3), step=9)
    found = recorded(folder)
    assert found["loss", ""][7] == 1.5
    assert numpy.isnan(found["loss", ""][8])
    assert found["learning_rate", ""] == {8: 0.1}


def test_an_interruption_is_no_step(folder):
    """The time of an evaluation is not the next step's."""
    with vitals.watch("interrupted") as run:
        for step in range(6):
            run.log(loss=0.5, step=step)
            if step == 2:
                run.interrupt()
    assert list(recorded(folder)["step_seconds", ""]) == [1, 2, 4, 5]


def test_a_call_inside_a_traced_function_is_one_warning(folder):
    """There is nothing to record while JAX traces; the function works, and what is logged is off."""
    run = vitals.watch("traced")

    @jax.jit
    def step(value):
        run.log(loss=value, step=0)
        return value * 2

    with pytest.warns(RuntimeWarning, match="function that JAX traces"):
        assert float(step(jnp.float32(2.0))) == 4.0
    run.close()


def test_norms_of_half_precision_do_not_overflow():
    """Squares of float16 gradients are added in single precision."""
    tree = {"a": jnp.full(4, 1000.0, jnp.float16), "b": jnp.full(4, 1000.0, jnp.float16)}
    assert float(vitals.global_norm(tree)) == pytest.approx(1000.0 * 8**0.5)
    assert list(vitals.norms({f"{n:02}": {"w": jnp.ones(1)} for n in range(40)}, max_layers=3)) == [
        "",
        "00",
        "20",
        "39",
    ]
