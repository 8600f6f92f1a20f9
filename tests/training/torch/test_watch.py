"""`training.torch.watch` on real training on the CPU."""

import contextlib
import copy
import gc
import io
import math
import time
import warnings
import weakref

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

import runvitals  # noqa: E402
from runvitals.catalogue import signals  # noqa: E402
from runvitals.training import torch as vitals  # noqa: E402
from runvitals.training.torch.gradients import GradientNorms  # noqa: E402
from runvitals.training.torch.parameters import Parameter  # noqa: E402
from tests.training.torch.loops import batches, marks, network, polled, recorded, train  # noqa: E402


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    return tmp_path


def sgd(model, **settings):
    return torch.optim.SGD(model.parameters(), lr=0.1, **settings)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("every", [1, None], ids=["each step", "by cost"])
def test_the_weights_are_the_same_with_and_without(every):
    """After a hundred steps with dropout, clipping and momentum, every weight is equal to the last bit."""
    found = []
    for is_watched in (False, True):
        model = nn.Sequential(network(), nn.Dropout(0.1))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        criterion = nn.CrossEntropyLoss()
        settings = {"criterion": criterion, "every": every, "gradient_change": True}
        run = vitals.watch(model, optimizer, run="same", **settings) if is_watched else None
        train(model, optimizer, 100, criterion=criterion, clip=0.5)
        if run:
            run.close()
        found.append(weights(model))
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())


def test_norms_before_and_after_clipping_are_those_of_torch(folder):
    """The norm of all gradients is what clip_grad_norm_ finds, and what it leaves."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="clipped", every=1):
        norms = train(model, optimizer, 10, clip=0.05)
    found = recorded(folder)
    assert list(found["grad_norm", ""].values()) == pytest.approx([norm.item() for norm in norms], rel=1e-5)
    assert list(found["clipped_grad_norm", ""].values()) == pytest.approx([0.05] * 10, rel=1e-3)


def test_layers_have_their_own_norms(folder):
    """Each layer's norm is that of its weight and bias; their squares add up to the whole."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="layers", every=1):
        train(model, optimizer, 3)
    found = recorded(folder)
    layers = {layer: values[2] for (signal, layer), values in found.items() if signal == "grad_norm" and layer}
    assert layers.keys() == {"0", "2", "4", "6"}
    own = torch.cat([model[0].weight.grad.flatten(), model[0].bias.grad.flatten()]).norm().item()
    assert layers["0"] == pytest.approx(own, rel=1e-5)
    assert sum(norm**2 for norm in layers.values()) == pytest.approx(found["grad_norm", ""][2] ** 2, rel=1e-5)


def test_the_update_ratio_is_change_over_size(folder):
    """Of a plain gradient step the ratio is learning rate times gradient over weight."""
    model = network()
    optimizer = sgd(model)
    before = model[2].weight.detach().norm().item()
    with vitals.watch(model, optimizer, run="update", every=1):
        train(model, optimizer, 1)
    expected = 0.1 * model[2].weight.grad.norm().item() / before
    assert recorded(folder)["update_ratio", "2"][0] == pytest.approx(expected, rel=1e-3)


def test_a_layer_that_the_optimizer_does_not_know_is_not_updated(folder):
    """A wrong list of parameters shows as an update ratio of 0 beside a gradient that is not."""
    model = network()
    optimizer = torch.optim.SGD(model[2:].parameters(), lr=0.1)
    with vitals.watch(model, optimizer, run="forgotten", every=1):
        train(model, optimizer, 2)
    found = recorded(folder)
    assert set(found["update_ratio", "0"].values()) == {0.0}
    assert min(found["grad_norm", "0"].values()) > 0.0
    assert min(found["update_ratio", "2"].values()) > 0.0


def test_loss_rate_and_durations_come_by_themselves(folder):
    """With the criterion given, the raw loss of every step is recorded, whatever the sampling."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    losses = []
    with vitals.watch(model, optimizer, run="loss", criterion=criterion, every=7) as run:
        for inputs, targets in batches(10):
            loss = criterion(model(inputs), targets)
            losses.append(loss.item())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert run.step == 9
    found = recorded(folder)
    assert list(found["loss", ""].values()) == pytest.approx(losses)
    assert found["learning_rate", ""] == dict.fromkeys(range(10), 0.1)
    durations = [found[name, ""] for name in ("step_seconds", "data_seconds", "compute_seconds")]
    assert all(list(values) == list(range(1, 10)) for values in durations)
    assert all(data + compute < step for step, data, compute in zip(*(d.values() for d in durations), strict=True))
    assert list(found["grad_norm", ""]) == [0, 7]


def test_accumulated_gradients_are_one_step(folder):
    """Steps are those of the optimizer, and the norm is that of the accumulated gradient."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    norms = []
    with vitals.watch(model, optimizer, run="accumulated", criterion=criterion, every=1):
        for number, (inputs, targets) in enumerate(batches(12)):
            (criterion(model(inputs), targets) / 4).backward()
            if number % 4 == 3:
                norms.append(torch.cat([one.grad.flatten() for one in model.parameters()]).norm().item())
                optimizer.step()
                optimizer.zero_grad()
    found = recorded(folder)["grad_norm", ""]
    assert list(found.values()) == pytest.approx(norms, rel=1e-5)
    assert list(found) == [0, 1, 2]


def test_the_loss_scale_is_taken_out_of_the_norm(folder):
    """Under mixed precision the norm is that of the gradient, not of the scaled one; the scale is recorded."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1000)
    norms = []
    with vitals.watch(model, optimizer, run="amp", scaler=scaler, every=1):
        for inputs, targets in batches(5):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = criterion(model(inputs), targets)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            norms.append(torch.cat([one.grad.flatten() for one in model.parameters()]).norm().item())
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    found = recorded(folder)
    assert list(found["grad_norm", ""].values()) == pytest.approx(norms, rel=1e-4)
    assert list(found["clipped_grad_norm", ""].values()) == pytest.approx(norms, rel=1e-4)
    assert set(found["loss_scale", ""].values()) == {1024.0}


def test_frozen_layers_are_left_alone(folder):
    """A layer that is not trained has neither gradient nor update."""
    model = network()
    model[0].requires_grad_(requires_grad=False)
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="frozen", every=1):
        train(model, optimizer, 3)
    found = recorded(folder)
    assert ("grad_norm", "0") not in found
    assert found["grad_norm", "2"].keys() == {0, 1, 2}


def test_a_compiled_model_is_watched(folder):
    """torch.compile changes nothing of what is recorded of gradients and updates."""
    model = network()
    optimizer = sgd(model)
    compiled = torch.compile(model, backend="eager")
    with vitals.watch(compiled, optimizer, run="compiled", every=1):
        norms = train(compiled, optimizer, 4, clip=100.0)
    found = recorded(folder)
    assert list(found["grad_norm", ""].values()) == pytest.approx([norm.item() for norm in norms], rel=1e-5)
    assert found["update_ratio", "2"].keys() == {0, 1, 2, 3}


def test_dead_and_saturated_units_are_counted(folder):
    """Rectifiers that are all 0 are dead, and tanh far out is saturated."""
    dead = network(depth=1)
    with torch.no_grad():
        dead[0].bias.fill_(-100.0)
    optimizer = sgd(dead)
    with vitals.watch(dead, optimizer, run="dead", every=1):
        train(dead, optimizer, 1)
    saturated = network(depth=1, activation=nn.Tanh)
    optimizer = sgd(saturated)
    with vitals.watch(saturated, optimizer, run="saturated", every=1):
        train(saturated, optimizer, 1, scale=1e4)
    found = recorded(folder)
    assert found["dead_units_ratio", "1"] == {0: 1.0}
    assert found["saturated_activations_ratio", "1"][0] > 0.99
    assert found["input_stddev", ""][0] > 1e3


def test_an_evaluation_is_no_step(folder):
    """What happens without gradients leaves no trace and counts no step."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="evaluated", criterion=criterion, every=1) as run:
        train(model, optimizer, 2, criterion=criterion)
        with torch.no_grad():
            for inputs, targets in batches(5):
                criterion(model(inputs), targets)
        train(model, optimizer, 1, criterion=criterion)
    assert run.step == 2
    assert list(recorded(folder)["loss", ""]) == [0, 1, 2]


def test_a_resumed_run_goes_on_with_its_steps(folder):
    """The first step of a resumed run has the number that it is given."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="resumed", every=1, first_step=400) as run:
        run.mark("resume", "from step 400")
        train(model, optimizer, 2)
    assert list(recorded(folder)["grad_norm", ""]) == [400, 401]


def test_an_exception_in_a_hook_turns_the_hooks_off_once(folder, monkeypatch):
    """A fault of ours is one warning; the training goes on, and what is logged is recorded."""
    monkeypatch.setattr(GradientNorms, "ask", lambda _: 1 / 0)
    model = network()
    optimizer = sgd(model)
    run = vitals.watch(model, optimizer, run="broken", every=1)
    with pytest.warns(RuntimeWarning, match="hooks on the model are off") as warned:
        train(model, optimizer, 5)
    assert len(warned) == 1
    run.log(loss=1.5, step=5)
    run.close()
    assert recorded(folder)["loss", ""] == {5: 1.5}
    assert not model._forward_pre_hooks
    [mark] = marks(folder, "unwatched")
    assert "ZeroDivisionError" in mark.text


def test_what_a_device_keeps_is_counted(folder):
    """Of a device whose copies cannot be followed nothing is recorded, and each value is counted."""
    run = vitals.watch(network(), [], run="elsewhere")
    for step in range(3):
        run.log(loss=torch.zeros(1, device="meta"), step=step)
    run.close()
    assert polled(folder).rejected["device_value"] == 3


def test_what_cannot_be_hooked_is_one_warning(folder):
    """A model without parameters is not watched; its run takes what is logged."""
    with pytest.warns(RuntimeWarning, match="is not watched"):
        run = vitals.watch(nn.ReLU(), [], run="nothing")
    run.log(loss=2.0, step=1)
    run.close()
    assert recorded(folder)["loss", ""] == {1: 2.0}


def test_nothing_stays_behind():
    """Closing the run takes every hook off again."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    run = vitals.watch(model, optimizer, run="gone", criterion=criterion, every=1)
    train(model, optimizer, 2, criterion=criterion)
    run.close()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in (*model.modules(), criterion))
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    assert not any(parameter._post_accumulate_grad_hooks for parameter in model.parameters())


def test_copies_of_the_model_are_not_watched(folder):
    """A deep copy and a saved model work, and record nothing."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="copied", every=1):
        train(model, optimizer, 1)
        saved = io.BytesIO()
        torch.save(model, saved)
        saved.seek(0)
        for other in (copy.deepcopy(model), torch.load(saved, weights_only=False)):
            train(other, sgd(other), 3)
    assert list(recorded(folder)["grad_norm", ""]) == [0]


def test_nothing_on_the_step_path_waits_for_a_device(monkeypatch):
    """No hook asks a tensor for its value: each way of doing so is forbidden while the loop runs."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)

    def forbidden(self, *_):
        raise AssertionError("a hook waits for the device")

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a hook that is turned off would warn
        run = vitals.watch(model, optimizer, run="async", criterion=criterion, every=1, gradient_change=True)
        for name in ("item", "cpu", "numpy", "tolist", "__float__", "__bool__", "__int__", "__index__", "nonzero"):
            monkeypatch.setattr(torch.Tensor, name, forbidden)
        train(model, optimizer, 5, criterion=criterion)
        run.close()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_no_hook_synchronises_with_a_gpu(folder):
    """PyTorch itself forbids synchronising while the loop runs, and what is recorded is right."""
    model, criterion = network().cuda(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    inputs, targets = next(iter(batches(1)))
    inputs, targets = inputs.cuda(), targets.cuda()
    with vitals.watch(model, optimizer, run="gpu", criterion=criterion, every=1, gradient_change=True) as run:
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(20):
                loss = criterion(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(own_loss=loss)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        torch.cuda.synchronize()
    found = recorded(folder)
    assert found["own_loss", ""] == found["loss", ""]
    assert len(found["grad_norm", ""]) == 20
    assert len(found["grad_change_ratio", ""]) == 19


def test_every_signal_is_one_of_the_catalogue(folder):
    """What the hooks record has the canonical names."""
    model, criterion = network(activation=nn.Tanh), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="names", criterion=criterion, every=1, gradient_change=True):
        train(model, optimizer, 3, criterion=criterion)
    assert {signal for signal, _ in recorded(folder)} <= {signal.name for signal in signals.ALL}


def test_layers_are_bounded(folder):
    """Of many layers the first, the last and some between are told."""
    model = network(depth=40)
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="deep", every=1, max_layers=5):
        train(model, optimizer, 2)
    layers = {layer for signal, layer in recorded(folder) if signal == "grad_norm" and layer}
    assert {"0", "80"} <= layers
    assert len(layers) <= 5 + 2 * 4


def test_where_nothing_can_be_recorded_the_training_goes_on(monkeypatch):
    """Without a folder for rings there is one warning, and the loop runs."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", "/dev/null/nowhere")
    model = network()
    optimizer = sgd(model)
    with pytest.warns(RuntimeWarning, match="no vitals"):
        run = vitals.watch(model, optimizer, run="nowhere", every=1)
    train(model, optimizer, 2)
    run.close()
    assert runvitals.__version__


class Odd(nn.Module):
    """A network with a complex parameter of its own, and an activation of whole numbers."""

    def __init__(self):
        super().__init__()
        self.network = network()
        self.factor = nn.Parameter(torch.ones(4, dtype=torch.complex64))
        self.rectifier = nn.ReLU()

    def forward(self, inputs):
        self.rectifier(torch.arange(4))
        return self.network(inputs) * self.factor.abs()


def test_odd_numbers_are_watched_too(folder):
    """Complex parameters have a norm, whole numbers no statistics, and the root's own parameters are no whole model."""
    model = Odd()
    optimizer = sgd(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with vitals.watch(model, optimizer, run="odd", every=1):
            norms = train(model, optimizer, 2, clip=100.0)
    found = recorded(folder)
    assert list(found["grad_norm", ""].values()) == pytest.approx([norm.item() for norm in norms], rel=1e-5)
    assert found["grad_norm", "factor"].keys() == found["update_ratio", "factor"].keys() == {0, 1}


@pytest.mark.parametrize("method", ["before", "after"])
def test_a_fault_in_the_step_leaves_the_optimizers_other_hooks_alone(method):
    """A hook that fails while the optimizer calls its hooks does not break the call of the others."""
    model, seen = network(), []
    optimizer = sgd(model)
    run = vitals.watch(model, optimizer, run="broken", every=1)
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    setattr(run._watcher._measurements._updates, method, lambda: 1 / 0)
    with pytest.warns(RuntimeWarning, match="division by zero"):
        train(model, optimizer, 2)
    run.close()
    assert seen == ["before", "after"] * 2
    assert len(optimizer._optimizer_step_pre_hooks) == 1


def test_a_fault_in_the_forward_pass_does_not_reach_the_user(monkeypatch):
    """What fails on the output of a layer is a warning."""
    monkeypatch.setattr("runvitals.training.torch.forward_statistics.of_activations", lambda *_: 1 / 0)
    model = network()
    optimizer = sgd(model)
    with pytest.warns(RuntimeWarning, match="division by zero"), vitals.watch(model, optimizer, run="broken", every=1):
        train(model, optimizer, 2)
    assert not any(module._forward_hooks for module in model.modules())


def test_an_update_is_seen_though_input_columns_are_empty(folder):
    """The sample of a weight holds all its columns: the borders of images are empty, and their weights stay."""
    model = nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 4))
    optimizer = sgd(model)
    images = torch.zeros(8, 28, 28)
    images[:, 4:24, 4:24] = torch.rand(8, 20, 20)
    before = model[0].weight.detach().clone()
    with vitals.watch(model, optimizer, run="images", every=1):
        nn.functional.cross_entropy(model(images.flatten(1)), torch.arange(8) % 4).backward()
        optimizer.step()
    expected = ((model[0].weight - before).norm() / before.norm()).item()
    assert recorded(folder)["update_ratio", "0"][0] == pytest.approx(expected, rel=0.2)


def test_an_optimizer_that_is_given_a_closure_is_watched(folder):
    """LBFGS computes its gradients inside of the step: they are seen at each step."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    with vitals.watch(model, optimizer, run="closure", every=1):
        for inputs, targets in batches(3):

            def closure(inputs=inputs, targets=targets):
                optimizer.zero_grad()
                loss = criterion(model(inputs), targets)
                loss.backward()
                return loss

            optimizer.step(closure)
    found = recorded(folder)
    for signal in ("grad_norm", "clipped_grad_norm", "update_ratio"):
        assert list(found[signal, ""]) == [0, 1, 2]


def test_a_model_compiled_in_place_is_watched(folder):
    """`model.compile()` calls no hook of the model: gradients and updates are seen all the same, and no time is 0."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="compiled", every=1):
        model.compile(backend="eager", fullgraph=True)
        norms = train(model, optimizer, 3)
    found = recorded(folder)
    assert norms == []
    assert list(found["grad_norm", ""]) == list(found["update_ratio", ""]) == [0, 1, 2]
    assert ("data_seconds", "") not in found
    assert ("compute_seconds", "") not in found


@pytest.mark.parametrize("is_fused", [False, True])
def test_steps_that_the_scaler_skips_hide_no_other(folder, is_fused):
    """After a skipped step the next has its norm; that of a fused optimizer is without the scale too."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model, fused=is_fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with vitals.watch(model, optimizer, run="amp", scaler=scaler, every=1) as run:
        for number, (inputs, targets) in enumerate(batches(5)):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets) * (float("inf") if number == 1 else 1.0)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    found = recorded(folder)
    steps = list(range(run.step + 1))
    assert list(found["grad_norm", ""]) == list(found["clipped_grad_norm", ""]) == steps
    assert found["grad_norm", ""][steps[-1]] == pytest.approx(found["clipped_grad_norm", ""][steps[-1]], rel=1e-4)
    assert found["loss_scale", ""][steps[-1]] == 512.0


def test_a_scale_that_fell_to_zero_is_no_fault_of_ours():
    """Of a loss scale of 0 nothing can be taken out: the norm is unknown."""
    norms = GradientNorms([Parameter("0", nn.Linear(2, 2).weight)], 4)
    assert math.isnan(norms.told(["0"], [1.0], 0.0)[0])


def test_a_backward_pass_that_raises_costs_no_later_norm(folder):
    """The step after a batch that was given up has its gradient norm."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    is_bad = False
    model[0].weight.register_hook(lambda _: 1 / 0 if is_bad else None)
    with vitals.watch(model, optimizer, run="raised", every=1):
        for number, (inputs, targets) in enumerate(batches(4)):
            optimizer.zero_grad()
            is_bad = number == 1
            with contextlib.suppress(ZeroDivisionError):
                criterion(model(inputs), targets).backward()
                optimizer.step()
    assert list(recorded(folder)["grad_norm", ""]) == [0, 1, 2]


def test_a_function_is_no_criterion(folder):
    """Where the criterion has no hooks the loss is left out, with a warning; everything else is watched."""
    model = network()
    optimizer = sgd(model)
    with pytest.warns(RuntimeWarning, match="the loss is not recorded") as warned:
        run = vitals.watch(model, optimizer, run="function", criterion=nn.functional.cross_entropy, every=1)
    train(model, optimizer, 2)
    run.close()
    assert len(warned) == 1
    assert list(recorded(folder)["grad_norm", ""]) == [0, 1]


def test_an_evaluation_is_no_waiting_for_data(folder):
    """The time of an evaluation between two steps is not told as time that the loop waited for its input."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="evaluated", every=1):
        train(model, optimizer, 2)
        with torch.no_grad():
            model(next(batches(1))[0])
        time.sleep(0.2)
        train(model, optimizer, 2)
    found = recorded(folder)
    assert found["step_seconds", ""][2] > 0.2
    assert found["data_seconds", ""].keys() == {1, 3}


def test_a_model_that_is_let_go_of_is_freed():
    """Where nobody closes the run, the hooks do not keep the model and its memory."""
    model = network()
    optimizer = sgd(model)
    run = vitals.watch(model, optimizer, run="dropped", every=1)
    train(model, optimizer, 2)
    kept = weakref.ref(model[0])
    del model, optimizer, run
    gc.collect()
    assert kept() is None


def test_a_model_is_copied_and_saved_in_the_middle_of_a_step(folder):
    """Between forward and backward the hooks on layers are there: a copy works all the same, and records nothing."""
    model = network()
    optimizer = sgd(model)
    with vitals.watch(model, optimizer, run="copied", every=1):
        loss = model(next(batches(1))[0]).sum()
        saved = io.BytesIO()
        torch.save(model, saved)
        saved.seek(0)
        for other in (copy.deepcopy(model), torch.load(saved, weights_only=False)):
            train(other, sgd(other), 2, scale=100.0)
        loss.backward()
        optimizer.step()
    assert list(recorded(folder)["activation_mean", "1"]) == [0]
    assert recorded(folder)["input_stddev", ""][0] < 10.0


def test_gradients_of_single_examples_disturb_nothing(folder):
    """A transform of torch.func goes through the model in the middle of training, and leaves the hooks as they are."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = sgd(model)
    parameters = {name: one.detach() for name, one in model.named_parameters()}
    inputs, targets = next(batches(1))

    def loss(parameters, one, target):
        return criterion(torch.func.functional_call(model, parameters, (one[None],)), target[None])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with vitals.watch(model, optimizer, run="single", criterion=criterion, every=1):
            for _ in range(2):
                model(inputs)
                torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, inputs, targets)
                train(model, optimizer, 1, criterion=criterion)
    found = recorded(folder)
    assert list(found["grad_norm", ""]) == list(found["loss", ""]) == [0, 1]


def test_a_model_that_is_watched_again_is_watched_once(folder):
    """As where a cell of a notebook is run twice: the hooks of the first call see no step of the second."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    vitals.watch(model, optimizer, run="again", every=1)
    train(model, optimizer, 3)
    with vitals.watch(model, optimizer, run="again", every=1, first_step=10):
        train(model, optimizer, 3)
    assert list(recorded(folder)["update_ratio", ""]) == [0, 1, 2, 10, 11, 12]
    assert not model._forward_pre_hooks
