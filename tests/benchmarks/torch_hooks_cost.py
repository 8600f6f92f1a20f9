"""What the PyTorch hooks cost: `python -m tests.benchmarks.torch_hooks_cost`.

A network of 500 parameter tensors is trained on the CPU: without hooks, with them as they are by default, with the
change of the gradient's vector asked for as well, with every step looked at, and with the full logging that libraries
offer (a histogram of each gradient and weight at each step).
They are interleaved step by step; what is compared is the mean CPU time of the whole process. The share is that of a
step of 50 ms, which is also what the sampling is told: a step that is shorter is looked at less often.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time

import torch
from torch import nn

from runvitals.training import torch as vitals

STEP_SECONDS = 0.05
ROUNDS = 400
LAYERS = 250


class Loop:
    """One training, made step by step."""

    def __init__(self, name: str, every: int | None = None, *, is_watched: bool = False, **settings: bool) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(*[nn.Linear(64, 64) for _ in range(LAYERS)])
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-6)
        self.inputs = torch.randn(8, 64)
        self.run = vitals.watch(self.model, self.optimizer, run=name, every=every, **settings) if is_watched else None
        self.seconds: list[float] = []

    def step(self) -> None:
        began = time.process_time()
        self.optimizer.zero_grad()
        self.model(self.inputs).square().mean().backward()
        self.optimizer.step()
        self.after()
        self.seconds.append(time.process_time() - began)

    def after(self) -> None:
        """What comes after a step."""

    def told_that_a_step_takes(self, seconds: float) -> None:
        if self.run is not None:
            self.run._watcher._sampling.stepped = lambda _: None
            self.run._watcher._sampling._step_seconds = seconds


class FullLogging(Loop):
    """A histogram of every gradient and every weight, each step."""

    def after(self) -> None:
        for parameter in self.model.parameters():
            for tensor in (parameter.grad, parameter.detach()):
                torch.histc(tensor, bins=64).tolist()


def measure() -> dict[str, float]:
    """Return the mean CPU seconds of a step by contender, the first rounds left out."""
    loops = {
        "without": Loop("without"),
        "without again": Loop("without"),
        "default": Loop("default", is_watched=True),
        "vector change": Loop("change", is_watched=True, gradient_change=True),
        "every step": Loop("each", 1, is_watched=True),
        "full logging": FullLogging("full"),
    }
    for loop in loops.values():
        loop.told_that_a_step_takes(STEP_SECONDS)
    for _ in range(ROUNDS):
        for loop in loops.values():
            loop.step()
    for name in ("default", "vector change"):
        print(f"{name}: one step in {loops[name].run._watcher._sampling.period} is looked at")
    return {name: statistics.fmean(loop.seconds[ROUNDS // 8 :]) for name, loop in loops.items()}


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RUNVITALS_RUNS_DIR"] = folder
        seconds = measure()
    print(f"{'contender':14} {'ms a step':>10} {'more than without':>18} {'share of a 50 ms step':>22}")
    for name, value in seconds.items():
        more = value - seconds["without"]
        print(f"{name:14} {value * 1e3:10.3f} {more * 1e3:15.3f} ms {more / STEP_SECONDS:21.2%}")


if __name__ == "__main__":
    main()
