"""What is trained, one file a task; those of numpy by name, and those that need PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hazard.tasks.linear import LinearRegression
from hazard.tasks.perceptron import Perceptron
from hazard.tasks.recurrent import Recurrent
from hazard.tasks.task import Task
from hazard.tasks.value_learning import ValueLearning

NUMPY_TASKS: Mapping[str, Callable[..., Task]] = {
    "linear": LinearRegression,
    "perceptron": Perceptron,
    "recurrent": Recurrent,
    "value_learning": ValueLearning,
}
TORCH_TASKS = ("torch_perceptron", "torch_convolution", "torch_recurrent", "torch_transformer")

__all__ = ["NUMPY_TASKS", "TORCH_TASKS", "Task", "make_task"]


def make_task(name: str, seed: int, precision: str) -> Task:
    """Return the task of that name, its data and size drawn from the seed. Raises ImportError without PyTorch."""
    if name in NUMPY_TASKS:
        return NUMPY_TASKS[name](seed, precision)
    from hazard.tasks.torch_tasks import TorchTask  # the numpy tasks run without it

    return TorchTask(name.removeprefix("torch_"), seed, precision)
