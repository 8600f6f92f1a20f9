"""Attaching to a process that has just started: to it itself, and to PyTorch's optimizers should it import them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from runvitals.client.run import Run
from runvitals.client.watch import watch
from runvitals.training.off_switch import OffSwitch, guarded
from runvitals.training.startup import ATTACHED, FIRST_PROCESS, RUN

_OPTIMIZER = "torch.optim.optimizer"


def attach() -> None:
    """Begin the run if this is the process that it is of; else it begins with the first step of an optimizer."""
    process = AttachedProcess(os.environ[RUN])
    if os.environ.get(FIRST_PROCESS) == str(os.getpid()):
        process.begin()
    sys.meta_path.insert(0, _OptimizerFinder(process))


class AttachedProcess(OffSwitch):
    """The process itself, which may turn out to be a rank of the run."""

    name = "the hooks on the optimizers"

    def __init__(self, run: str) -> None:
        super().__init__()
        self._name, self._pid = run, os.getpid()
        self._run: Run | None = None
        self._watched: Any = None

    def begin(self) -> None:
        """Record the run from here on; processes that this one starts do not."""
        os.environ[ATTACHED] = "1"
        self._run = watch(self._name)

    @guarded
    def hook(self, optimizers: ModuleType) -> None:
        """Wait for the first step of any optimizer."""
        self._undo.append(optimizers.register_optimizer_step_pre_hook(self._before_step).remove)

    @guarded
    def _before_step(self, optimizer: Any, *_: Any) -> None:
        if self._watched is not None or os.getpid() != self._pid:
            return
        from runvitals.training.startup import torch_steps

        self._watched = torch_steps.NOT_WATCHED
        if torch_steps.is_watched_already(self._run):
            if self._run:
                self._run.close()
            return
        self.begin()
        self._watched = torch_steps.watch_steps(self._name, optimizer)


class _OptimizerFinder(MetaPathFinder):
    """Hooks PyTorch's optimizers right after they are imported."""

    def __init__(self, process: AttachedProcess) -> None:
        self._process = process

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _OPTIMIZER:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            loader: Any = spec.loader
            execute, process = loader.exec_module, self._process

            def execute_and_hook(module: ModuleType) -> None:
                execute(module)
                process.hook(module)

            loader.exec_module = execute_and_hook
        return spec
