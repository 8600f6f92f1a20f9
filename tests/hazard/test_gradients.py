"""What the generator trains is real: its gradients are those of its losses, its optimizers those of PyTorch."""

import numpy as np
import pytest

from hazard.optimizers import OPTIMIZERS
from hazard.tasks import NUMPY_TASKS, TORCH_TASKS, make_task


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["linear", "perceptron", "recurrent"])
def test_a_gradient_is_that_of_its_loss(name, seed):
    """Central differences along random directions give the slope that the backward pass gives."""
    task = make_task(name, seed, "float64")
    rng = np.random.default_rng(seed)
    task.weights = task.weights.astype(np.float64)
    batch = task.draw(rng, 8)
    weights, gradient = task.weights.copy(), task.loss_and_gradient(batch)[1].copy()
    for _ in range(5):
        direction = rng.normal(size=weights.size)
        direction /= np.linalg.norm(direction)
        losses = []
        for side in (1e-6, -1e-6):
            task.weights = weights + side * direction
            losses.append(task.loss_and_gradient(batch)[0])
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(gradient @ direction, rel=1e-4, abs=1e-6)


def test_value_learning_follows_its_own_targets():
    """The semi-gradient pulls the values towards reward plus discounted next value, held fixed."""
    task = NUMPY_TASKS["value_learning"](3, "float64")
    task.weights = task.weights.astype(np.float64)
    batch = task.draw(np.random.default_rng(0), 16)
    before, gradient = task.loss_and_gradient(batch)
    task.weights = task.weights - 1e-4 * gradient
    assert task.loss_and_gradient(batch)[0] < before


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCH_TASKS)
def test_networks_in_pytorch_share_their_memory(name):
    """A step along the flat gradient, taken on the flat weights, lowers the network's loss by as much as it says."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    task = make_task(name, 5, "float32")
    batch = task.draw(np.random.default_rng(0), 32)
    before, gradient = task.loss_and_gradient(batch)
    gradient = gradient.copy()
    step = 1e-3 / np.linalg.norm(gradient)
    task.weights -= step * gradient
    after = task.loss_and_gradient(batch)[0]
    assert before - after == pytest.approx(step * float(gradient @ gradient), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_is_pytorchs(name):
    """Twenty steps end where torch.optim ends."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    peers = {
        "sgd": lambda weights: torch.optim.SGD(weights, lr=0.05),
        "momentum": lambda weights: torch.optim.SGD(weights, lr=0.05, momentum=0.9),
        "adamw": lambda weights: torch.optim.AdamW(weights, lr=0.05),
        "adamw_long": lambda weights: torch.optim.AdamW(weights, lr=0.05, betas=(0.9, 0.95), weight_decay=0.1),
    }
    rng = np.random.default_rng(0)
    ours = rng.normal(size=12).astype(np.float32)
    theirs = torch.tensor(ours.copy(), requires_grad=True)
    optimizer, peer = OPTIMIZERS[name](), peers[name]([theirs])
    for _ in range(20):
        gradient = rng.normal(size=12).astype(np.float32)
        theirs.grad = torch.from_numpy(gradient.copy())
        peer.step()
        optimizer.step(ours, gradient, 0.05)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-4, atol=1e-6)
