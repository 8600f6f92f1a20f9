"""`training.deepspeed.watch` on real engines on the CPU, without ZeRO and in each of its stages."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

if find_spec("deepspeed") is None:
    pytest.skip("DeepSpeed is not installed", allow_module_level=True)

ZERO = ("clipped", "accumulated", "half", "sharded")
STEPS = list(range(6))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What a process of one rank found that trains several engines."""
    folder = tmp_path_factory.mktemp("engines")
    rank = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.deepspeed.engines", str(folder)],
        check=False,
        env={**os.environ, **rank, "DS_ACCELERATOR": "cpu"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "found.json").read_text())


def by_step(found, signal):
    return {int(step): value for step, value in found["values"].get(signal, {}).items()}


@pytest.mark.parametrize("kind", ["plain", *ZERO])
def test_loss_rate_and_durations_of_each_step(trained, kind):
    """The loss is what backward was called on, of accumulated batches the mean; an evaluation is no step."""
    found = trained[kind]
    batches = len(found["losses"]) // len(STEPS)
    means = {step: sum(found["losses"][batches * step : batches * (step + 1)]) / batches for step in STEPS}
    assert by_step(found, "loss") == pytest.approx(means, rel=1e-5)
    assert by_step(found, "learning_rate") == dict.fromkeys(STEPS, 0.1)
    assert by_step(found, "skipped_steps_total") == dict.fromkeys(STEPS, 0.0)
    seconds = [by_step(found, signal) for signal in ("step_seconds", "data_seconds", "compute_seconds")]
    assert all(list(one) == STEPS[1:] and min(one.values()) > 0.0 for one in seconds)
    assert found["step"] == len(STEPS)


@pytest.mark.parametrize("kind", ZERO)
def test_the_norm_under_zero_is_the_engines_own(trained, kind):
    """It is that of the whole gradient, before clipping."""
    assert by_step(trained[kind], "grad_norm") == pytest.approx(dict(enumerate(trained[kind]["norms"])), rel=1e-5)


@pytest.mark.parametrize("kind", ["plain", "sharded"])
def test_the_norm_is_that_of_a_training_without_deepspeed(trained, kind):
    """Without ZeRO the engine knows none, and it is computed here, with those of layers."""
    assert by_step(trained[kind], "grad_norm") == pytest.approx(dict(enumerate(trained["reference"])), rel=1e-4)
    assert ("grad_norm 0" in trained[kind]["values"]) == (kind == "plain")


def test_the_weights_are_the_same_with_and_without(trained):
    """After a hundred steps with clipping every weight is equal to the last bit."""
    assert trained["same"]


def test_nothing_stays_behind(trained):
    """Closing the run gives the engine its own methods back."""
    assert not any(trained[kind]["left"] for kind in ("plain", *ZERO))


def test_an_exception_in_a_hook_turns_the_hooks_off_once(trained):
    """A fault of ours is one warning and one mark, and the training goes on."""
    assert len(trained["broken"]["warnings"]) == trained["broken"]["marks"] == 1
    assert "hooks on the engine are off" in trained["broken"]["warnings"][0]
    assert trained["broken"]["steps"] == len(STEPS)
