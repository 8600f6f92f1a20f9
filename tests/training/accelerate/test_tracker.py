"""`training.accelerate.VitalsTracker` with a real Accelerator on the CPU."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
accelerate = pytest.importorskip("accelerate", reason="Accelerate is not installed")

from accelerate.state import AcceleratorState, GradientState  # noqa: E402
from torch import nn  # noqa: E402

from runvitals.client.advice import Advice  # noqa: E402
from runvitals.training.accelerate import VitalsTracker  # noqa: E402
from runvitals.training.torch import Actions  # noqa: E402
from tests.training.torch.loops import batches, network, recorded  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore", "error:runvitals"),  # the framework's own warnings are not ours
]


SPIKE = Advice("loss_spike", "warning", "parameters", 3, 0.9, "Look.", "id-1")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    yield tmp_path
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def train(tracker, steps, *, is_watched, accumulated=2):
    """Train with accumulated gradients; return the losses of the batches, the norms of the steps, and the model."""
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker, gradient_accumulation_steps=accumulated)
    accelerator.init_trackers("unused", config={"learning_rate": 0.1})
    model = network()
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
    if is_watched:
        tracker.watch(model, optimizer, every=1)
    losses, norms = [], []
    for inputs, targets in batches(steps * accumulated):
        with accelerator.accumulate(model):
            loss = nn.functional.cross_entropy(model(inputs), targets)
            accelerator.backward(loss)
            if accelerator.sync_gradients:
                norms.append(accelerator.clip_grad_norm_(model.parameters(), 0.5).item())
                accelerator.log({"loss": loss.detach(), "note": "no number"}, step=len(norms) - 1)
                losses.append(loss.item())
            optimizer.step()
            optimizer.zero_grad()
    accelerator.end_training()
    return losses, norms, model


def test_what_is_logged_is_recorded(folder):
    """The numbers that go to the Accelerator's trackers are recorded under their step, and the run is closed."""
    losses, _, _ = train(VitalsTracker("logged"), 5, is_watched=False)
    found = recorded(folder)
    assert found == {("loss", ""): pytest.approx(dict(enumerate(losses)))}


def test_a_prepared_model_and_optimizer_are_watched(folder):
    """Norms are those of the accumulated gradients, of the steps that the optimizer really makes."""
    losses, norms, _ = train(VitalsTracker("watched"), 5, is_watched=True)
    found = recorded(folder)
    assert found["loss", ""] == pytest.approx(dict(enumerate(losses)))
    assert found["grad_norm", ""] == pytest.approx(dict(enumerate(norms)), rel=1e-5)
    assert list(found["step_seconds", ""]) == [1, 2, 3, 4]


def test_the_weights_are_the_same_with_and_without():
    """After a hundred steps every weight is equal to the last bit."""
    models = [train(tracker, 100, is_watched=bool(tracker))[2] for tracker in (None, VitalsTracker("same"))]
    pairs = zip(models[0].parameters(), models[1].parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_the_rate_of_a_prepared_schedule_is_lowered_for_good():
    """What Accelerate wraps around optimizer and schedule does not keep an action from either."""
    accelerator = accelerate.Accelerator(cpu=True)
    model = network()
    sgd = torch.optim.SGD(model.parameters(), lr=0.3)
    prepared = accelerator.prepare(model, sgd, torch.optim.lr_scheduler.LambdaLR(sgd, lambda _: 1.0))
    _, optimizer, schedule = prepared
    run = SimpleNamespace(advice=lambda: (SPIKE,), mark=lambda *_, **__: None)
    Actions(run, {"loss_spike": ["lower_learning_rate"]}, optimizer=optimizer, scheduler=schedule).apply(0)
    for _ in range(3):
        optimizer.step()
        schedule.step()
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.1)


def test_the_run_itself_can_be_had(folder):
    """What Accelerate unwraps is the run, which takes marks."""
    tracker = VitalsTracker("unwrapped")
    accelerator = accelerate.Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers("unused")
    run = accelerator.get_tracker("runvitals", unwrap=True)
    run.mark("phase", "cool-down", step=3)
    assert run.is_recording
    accelerator.end_training()
    assert not run.is_recording
