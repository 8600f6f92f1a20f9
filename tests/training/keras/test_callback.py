"""`training.keras.VitalsCallback` in a real `fit` on the CPU, on each back end that is installed."""

import json
import math
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
def fitted(request, tmp_path_factory):
    """What a process that trains on one back end found; the back end is chosen when Keras is imported."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        **os.environ,
        "KERAS_BACKEND": request.param,
        "KERAS_HOME": str(folder),
        "RUNVITALS_RUNS_DIR": str(folder / "rings"),
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fitted.py")), str(folder / "found.json")],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((folder / "found.json").read_text())
    assert found["back_end"] == request.param
    return found


def steps(values):
    return [int(step) for step in values]


def test_the_loss_of_each_batch_is_its_own(fitted):
    """Keras reports means since the epoch began; what is recorded is what each batch's loss was."""
    found = fitted["plain"]["values"]["loss"]
    assert steps(found) == list(range(10))
    assert list(found.values()) == pytest.approx(fitted["expected"]["losses"] * 2, rel=1e-5)


def test_what_is_found_in_each_epoch_is_recorded(fitted):
    """Validation metrics have the names of evaluations, and belong to the epoch's last step."""
    values = fitted["plain"]["values"]
    mean = sum(fitted["expected"]["losses"]) / 5
    assert values["eval_loss"] == pytest.approx({"4": mean, "9": mean}, rel=1e-5)
    assert steps(values["eval_mae"]) == steps(values["mae"]) == [4, 9]
    assert values["learning_rate"] == {"0": 0.0, "5": 0.0}
    assert ["evaluation", 4] in fitted["plain"]["events"]


def test_durations_leave_out_what_is_between_epochs(fitted):
    """The first step of an epoch, which comes after a validation, has no duration."""
    found = fitted["plain"]["values"]["step_seconds"]
    assert found
    assert {1, 2, 3, 4, 6, 7, 8, 9}.issuperset(steps(found))  # of two that end at once in threads one has none
    assert min(found.values()) > 0.0


def test_gradient_norms_are_those_of_the_back_end_that_has_them(fitted):
    """On PyTorch the norm of each batch's gradient is recorded, of everything and of the layer; elsewhere none."""
    values = fitted["plain"]["values"]
    if fitted["back_end"] != "torch":
        assert "grad_norm" not in values
        return
    assert list(values["grad_norm"].values()) == pytest.approx(fitted["expected"]["norms"] * 2, rel=1e-5)
    layer = next(name for name in values if name.startswith("grad_norm ") and name.endswith("only"))
    assert values[layer] == pytest.approx(values["grad_norm"], rel=1e-6)


def test_a_loss_that_is_not_finite_is_recorded_once_in_its_epoch(fitted):
    """After it the means tell nothing of the batches until the next epoch, so nothing is said."""
    losses = [math.isnan(loss) for loss in fitted["bad"]["values"]["loss"].values()]
    assert losses[:2] == [False, True]
    assert steps(fitted["bad"]["values"]["loss"])[:3] == [0, 1, 5]


def test_several_batches_in_one_execution(fitted):
    """The loss of an execution is the mean of its batches, at the last of them; PyTorch has no such thing."""
    if fitted["back_end"] == "torch":
        assert not fitted["several"]["values"]
        return
    losses = fitted["expected"]["losses"]
    found = fitted["several"]["values"]["loss"]
    assert found["1"] == pytest.approx((losses[0] + losses[1]) / 2, rel=1e-5)
    assert found["3"] == pytest.approx((losses[2] + losses[3]) / 2, rel=1e-5)


def test_a_second_fit_goes_on_with_the_steps(fitted):
    """Steps go on from what the optimizer has made, and the resume is marked."""
    assert steps(fitted["resumed"]["values"]["loss"]) == [5, 6, 7, 8, 9]
    assert ["resume", 5] in fitted["resumed"]["events"]


def test_the_weights_are_the_same_with_and_without(fitted):
    """After a hundred steps every weight is equal to the last bit."""
    assert fitted["same"]


def test_an_exception_in_the_callback_turns_it_off_once(fitted):
    """A fault of ours is one warning, the training goes on, and its end is recorded."""
    assert len(fitted["broken"]["warnings"]) == 1
    assert "hooks on fit are off" in fitted["broken"]["warnings"][0]
    assert fitted["broken"]["iterations"] == 5
    assert {"mark", "run_finished"} <= set(fitted["broken"]["events"])


def test_a_training_that_was_broken_off_ends_when_the_next_begins(fitted):
    """One that is interrupted in a notebook and begun again with the same callback is another run."""
    assert fitted["broken_off"].count("run_finished") == 2


def test_fit_need_not_wait_for_the_device(fitted):
    """Where Keras can call back from threads of its own, the callback does not keep it from doing so."""
    assert fitted["is_async"] == (fitted["back_end"] != "tensorflow")
