"""What `fit` of Keras is told to do about findings, in real training on the CPU, on each back end that is installed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

if find_spec("keras") is None:
    pytest.skip("Keras is not installed", allow_module_level=True)


@pytest.fixture(scope="module", params=["torch", "jax", "tensorflow"])
def acted(request, tmp_path_factory):
    """What a process that trains on one back end found; the back end is chosen when Keras is imported."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.keras.acting", str(folder)],
        check=False,
        env={**os.environ, "KERAS_BACKEND": request.param, "KERAS_HOME": str(folder / "keras")},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((folder / "found.json").read_text())
    assert found["back_end"] == request.param
    return found


def test_a_run_that_diverges_without_is_saved_with(acted):
    """The rate is lowered before the weights are lost, the network saved, and the journal tells so."""
    assert not acted["alone"]["error"] < 1e6
    assert acted["saved"]["error"] < 0.1
    assert acted["saved"]["rate"] < 1.0
    assert acted["checkpoints"]
    assert all(acted["checkpoints"])
    assert any("action: lower_learning_rate on" in said and "from" in said for said in acted["history"])


def test_a_healthy_run_is_never_touched(acted):
    """Its weights are, to the last bit, those of the run without."""
    assert acted["healthy"] == acted["plain"]


def test_a_training_that_is_told_to_stop_ends(acted):
    """The batch before which the finding is seen is the last."""
    assert acted["stopped"]["steps"] == 1


def test_what_cannot_be_done_is_said(acted):
    """A schedule that cannot be lowered is a warning; what no callback can do is refused at the start."""
    assert [sentence for sentence in acted["scheduled"] if "lower_learning_rate on loss_spike failed" in sentence]
    skip, checkpoint = acted["refused"]
    assert "fit cannot be told to skip_batch" in skip
    assert "checkpoint needs checkpoint_folder=" in checkpoint
