"""The demo training is a real one: its gradients are right, it learns, and it explodes when it is told to."""

from __future__ import annotations

import builtins
import math
import os
import signal
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from runvitals.demo import network, schedule, text, training


def _finite(step: training.Step) -> bool:
    return math.isfinite(step.loss) and math.isfinite(step.grad_norm)


@pytest.fixture(scope="module")
def exploding() -> list[training.Step]:
    return list(islice(training.steps(seed=3, explode_after=200), 500))


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    return tmp_path


def test_gradients_equal_finite_differences():
    """Back-propagation gives, for every parameter, the slope that two evaluations of the loss give."""
    rng = np.random.default_rng(7)
    parameters = network.initial_parameters(rng, alphabet=11, context=3, hidden=5, dtype="float64")
    parameters["hidden.bias"] += rng.normal(size=5)
    contexts, targets = rng.integers(0, 11, (6, 3)), rng.integers(0, 11, 6)
    contexts[0] = contexts[0, 0]  # one character at several places, and below one place in several rows
    contexts[1] = contexts[0]
    _, gradients = network.loss_and_gradients(parameters, contexts, targets)
    for name, value in parameters.items():
        for index in np.ndindex(value.shape):
            slope = _central_difference(parameters, name, index, contexts, targets)
            assert gradients[name][index] == pytest.approx(slope, abs=1e-8), (name, index)


def _central_difference(parameters, name, index, contexts, targets, h=1e-5):
    original = parameters[name][index]
    losses = []
    for value in (original + h, original - h):
        parameters[name][index] = value
        losses.append(network.loss_and_gradients(parameters, contexts, targets)[0])
    parameters[name][index] = original
    return (losses[0] - losses[1]) / (2 * h)


def test_global_norm_is_that_of_all_parameters_together():
    """The gradient norm is taken over all parameters as one vector."""
    rng = np.random.default_rng(0)
    gradients = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=5)}
    together = np.concatenate([gradient.ravel() for gradient in gradients.values()])
    assert network.global_norm(gradients) == pytest.approx(np.linalg.norm(together))


def test_the_loss_of_a_network_that_knows_nothing_is_the_logarithm_of_the_alphabet():
    """With all weights 0 every character is equally likely."""
    parameters = network.initial_parameters(np.random.default_rng(0), alphabet=50)
    blank = {name: np.zeros_like(value) for name, value in parameters.items()}
    loss, _ = network.loss_and_gradients(blank, np.zeros((4, 8), np.int64), np.arange(4))
    assert loss == pytest.approx(math.log(50), rel=1e-6)


def test_a_healthy_training_learns_and_stays_finite():
    """Without a raised learning rate the loss falls by more than a third, and nothing is ever NaN."""
    healthy = list(islice(training.steps(seed=1), 1000))
    first, last = (np.mean([step.loss for step in part]) for part in (healthy[:20], healthy[-100:]))
    print(f"loss {first:.2f} -> {last:.2f} nats a character")
    assert last < first * 2 / 3
    assert all(_finite(step) for step in healthy)
    assert {step.learning_rate for step in healthy} == {schedule.LEARNING_RATE}


def test_the_stretch_before_the_explosion_is_long_and_calm(exploding):
    """Statistics that warm up over 64 values and look back over 256 meet nothing odd before the learning rate rises."""
    norms = np.array([step.grad_norm for step in exploding[64:200]])
    assert norms.max() < 2 * np.median(norms)


@pytest.mark.parametrize("seed", range(4))
def test_gradients_explode_before_they_overflow(seed):
    """The gradient norm passes ten times its median many steps before the first value that is not finite."""
    steps = list(islice(training.steps(seed=seed, explode_after=200), 500))
    median = np.median([step.grad_norm for step in steps[:200]])
    tenfold = next(step.number for step in steps if step.grad_norm > 10 * median)
    nonfinite = next(step.number for step in steps if not _finite(step))
    print(f"seed {seed}: 10 x the median at step {tenfold}, not finite at {nonfinite}: {nonfinite - tenfold} between")
    assert 200 < tenfold < nonfinite - 10


def test_training_goes_on_after_the_explosion(exploding):
    """Once the parameters are NaN every later step says so: nothing recovers by itself, and nothing raises."""
    first = next(index for index, step in enumerate(exploding) if math.isnan(step.loss))
    assert all(math.isnan(step.loss) for step in exploding[first:])
    assert len(exploding) == 500


def test_the_seed_decides():
    """The same seed gives the same steps, another seed others."""
    first, again, other = (list(islice(training.steps(seed=seed), 20)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_the_learning_rate_has_a_ceiling():
    """A run left alone for weeks does not overflow its learning rate."""
    assert schedule.learning_rate_at(10**9, 200) == pytest.approx(schedule.LEARNING_RATE * schedule.HIGHEST_RISE)
    assert schedule.learning_rate_at(200, 200) == schedule.LEARNING_RATE
    assert schedule.learning_rate_at(201, 200) == pytest.approx(schedule.LEARNING_RATE * schedule.GROWTH)


def test_text_is_there_where_pydoc_is_not(monkeypatch):
    """Without the language reference the docstrings of the built-ins are enough to learn from."""
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    corpus = text.load()
    assert len(corpus.indices) > 20_000
    assert builtins.print.__doc__.splitlines()[0] in "".join(corpus.alphabet[index] for index in corpus.indices)


def test_encoding_can_be_undone():
    """Indices and alphabet together are the text."""
    corpus = text.encode("hello world")
    assert "".join(corpus.alphabet[index] for index in corpus.indices) == "hello world"
    assert sorted(corpus.alphabet) == sorted(set("hello world"))


def test_train_tells_every_step_and_leaves_a_ring(runs):
    """`train` makes as many steps as it is told, tells each of them, and writes them to a ring of its own."""
    told = []
    assert training.train(run="short", limit=12, step_seconds=0, tell=told.append) == 12
    assert [step.number for step in told] == list(range(1, 13))
    assert len(list(runs.glob("short-*.ring"))) == 1


@pytest.mark.usefixtures("runs")
def test_train_ends_when_it_is_stopped():
    """Setting `stop` ends it after the step in hand, without waiting for the next one's time."""
    stop = threading.Event()
    made = training.train(step_seconds=3600, stop=stop, tell=lambda _: stop.set())
    assert made == 1


@pytest.fixture
def demo_process(runs):
    """Start `runvitals demo` with arguments; whatever still runs at the end is killed by its process id."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        program = "import sys; from runvitals.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", program, "demo", *arguments]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_command_ends_by_itself_after_its_steps(demo_process):
    """`--steps` ends the training with exit code 0 and a line per `--print-every` steps."""
    process = demo_process("--steps", "30", "--step-seconds", "0", "--print-every", "10")
    lines = process.stdout.read().splitlines()
    assert process.wait() == 0
    assert [line.split()[:2] for line in lines] == [
        ["step", "10"],
        ["step", "20"],
        ["step", "30"],
        ["finished", "after"],
    ]


@pytest.mark.parametrize(
    ("number", "code", "last"), [(signal.SIGTERM, 0, "finished"), (signal.SIGINT, 130, "interrupted")]
)
def test_the_command_ends_cleanly_on_a_signal(demo_process, number, code, last):
    """SIGTERM finishes the run with exit code 0; Ctrl-C ends it as raised with 130."""
    process = demo_process("--healthy", "--step-seconds", "0.01", "--print-every", "1")
    process.stdout.readline()
    process.send_signal(number)
    lines = process.stdout.read().splitlines()
    assert process.wait() == code
    assert lines[-1].startswith(last)


@pytest.mark.parametrize(
    "bad", [("--steps", "0"), ("--step-seconds", "-1"), ("--growth", "0.5"), ("--step-seconds", "nan")]
)
def test_impossible_arguments_are_refused(demo_process, bad):
    """A value that makes no sense is refused with exit code 2 before anything starts."""
    process = demo_process(*bad)
    process.stdout.read()
    assert process.wait() == 2
