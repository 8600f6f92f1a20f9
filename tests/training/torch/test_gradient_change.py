"""How much the gradient turns from step to step, on real training on the CPU."""

import gc
import weakref

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from runvitals.training import torch as vitals  # noqa: E402
from tests.training.torch.loops import batches, network, recorded  # noqa: E402


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    return tmp_path


def vector(model, scale=1.0):
    return torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None]) / scale


def ratios(vectors):
    """Return ‖g_t - g_(t-1)‖ / ‖g_(t-1)‖ by step."""
    pairs = enumerate(zip(vectors[1:], vectors, strict=False), start=1)
    return {step: ((new - old).norm() / old.norm()).item() for step, (new, old) in pairs}


def train(steps, *, accumulated=lambda step: 1, scaler=None, momentum=0.9, **settings):
    """Train with clipping; return the gradient of each step before it was clipped."""
    model, criterion = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
    found, data = [], batches(1000)
    with vitals.watch(model, optimizer, run="turning", scaler=scaler, gradient_change=True, **settings):
        for step in range(steps):
            for inputs, targets in (next(data) for _ in range(accumulated(step))):
                loss = criterion(model(inputs), targets)
                (scaler.scale(loss) if scaler else loss).backward()
            found.append(vector(model, scaler.get_scale() if scaler else 1.0))
            if scaler:
                scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            scaler.step(optimizer) if scaler else optimizer.step()
            if scaler:
                scaler.update()
            optimizer.zero_grad()
    return found


def told(folder):
    return recorded(folder).get(("grad_change_ratio", ""), {})


def test_it_is_the_change_of_the_whole_vector_before_clipping(folder):
    """Size of the difference over size of the gradient of the step before; the first step has none before it."""
    vectors = train(8, every=1)
    assert told(folder) == pytest.approx(ratios(vectors), rel=1e-4)


def test_it_is_of_neighbouring_steps_however_seldom_they_are_looked_at(folder):
    """The step before one that is looked at is kept, and no other."""
    vectors = train(13, every=4)
    expected = ratios(vectors)
    assert told(folder) == pytest.approx({step: expected[step] for step in (4, 8, 12)}, rel=1e-4)


def test_of_accumulated_gradients_it_is_the_change_of_their_sum(folder):
    """Where a step takes more passes than the one before, or fewer, nothing is told: what was kept may be a part."""
    vectors = train(8, every=1, accumulated=lambda step: 5 if step == 4 else 3)
    found, expected = told(folder), ratios(vectors)
    assert found == pytest.approx({step: expected[step] for step in (1, 2, 3, 7)}, rel=1e-4)


def test_the_loss_scale_is_no_change_of_the_gradient(folder):
    """Where the scale doubles from step to step, the change is that of the gradients without it."""
    scaler = torch.amp.GradScaler("cpu", init_scale=256.0, growth_interval=1)
    vectors = train(6, every=1, scaler=scaler)
    assert told(folder) == pytest.approx(ratios(vectors), rel=1e-4)


def test_parameters_without_a_gradient_count_as_zero(folder):
    """As experts do that got no token in a step: their gradient comes and goes."""
    parts = nn.ModuleList([nn.Linear(4, 1) for _ in range(2)])
    optimizer = torch.optim.SGD(parts.parameters(), lr=0.0)
    used = [(0,), (0, 1), (1,)]
    with vitals.watch(parts, optimizer, run="experts", every=1, gradient_change=True):
        vectors = []
        for step, places in enumerate(used):
            optimizer.zero_grad()
            inputs = torch.full((2, 4), float(step + 1))
            sum(parts[place](inputs).sum() for place in places).backward()
            vectors.append(torch.cat([_or_zero(one).flatten() for one in parts.parameters()]))
            optimizer.step()
    assert told(folder) == pytest.approx(ratios(vectors), rel=1e-5)


def _or_zero(parameter):
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()


def test_the_copy_is_given_back_when_the_run_is_closed():
    """One copy of the gradients is held, and not longer than the run."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = vitals.watch(model, optimizer, run="memory", every=1, gradient_change=True)
    for inputs, targets in batches(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    kept = run._watcher._change._kept
    assert sum(one.numel() for one in kept.values()) == sum(one.numel() for one in model.parameters())
    copies = [weakref.ref(one) for one in kept.values()]
    del kept
    run.close()
    gc.collect()
    assert not any(copy() is not None for copy in copies)


def test_it_is_off_unless_asked_for(folder):
    """Nobody's memory is taken by default."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = vitals.watch(model, optimizer, run="plain", every=1)
    assert run._watcher._change is None
    run.close()
