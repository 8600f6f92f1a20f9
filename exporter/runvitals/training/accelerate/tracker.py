"""The tracker for Accelerate."""

from __future__ import annotations

from typing import Any

from accelerate.tracking import GeneralTracker

from runvitals.client.watch import watch as watch_run
from runvitals.training.torch import TorchRun, watch
from runvitals.training.torch.readback import Readback


class VitalsTracker(GeneralTracker):
    """Records what `Accelerator.log` is given; `watch` adds what the hooks on model and optimizer see.

    Every process records its own rank. Tensors of one element may be on a device: nothing waits for it.
    """

    name = "runvitals"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, run: str) -> None:
        super().__init__()
        self._name = run
        self._run: TorchRun | None = None

    @property
    def tracker(self) -> TorchRun:
        """The run, as `Accelerator.get_tracker("runvitals", unwrap=True)` returns it."""
        if self._run is None:
            run = watch_run(self._name)
            self._run = TorchRun(run, None, Readback(run))
        return self._run

    def watch(self, network: Any, optimizer: Any, **settings: Any) -> TorchRun:
        """Watch a model and its optimizers as `runvitals.training.torch.watch` does, prepared by Accelerate or not."""
        self._run = watch(network, optimizer, run=self._name, **settings)
        return self._run

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        """Record the numbers among the values; without a step they belong to the newest one."""
        self.tracker.log(values, step=step)

    def finish(self) -> None:
        """Close the run."""
        self.tracker.close()
