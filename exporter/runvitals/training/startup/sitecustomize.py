"""Imported by Python when it starts under `runvitals run`; never raises."""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


def _run_the_one_behind() -> None:
    """Run the `sitecustomize` that this one hides, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to import
    others = [folder for folder in sys.path if os.path.abspath(folder) != here]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec and spec.loader:
        spec.loader.exec_module(module_from_spec(spec))


def _attach() -> None:
    if not os.environ.get("RUNVITALS_RUN") or os.environ.get("RUNVITALS_RUN_ATTACHED"):
        return
    try:
        from runvitals.training.startup.attach import attach

        attach()
    except Exception as error:  # noqa: BLE001 - nothing may keep the user's script from running
        sys.stderr.write(f"runvitals: this run is not attached to: {error}\n")


_attach()
_run_the_one_behind()
