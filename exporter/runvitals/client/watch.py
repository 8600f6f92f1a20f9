"""`watch`: the door through which a training script comes in."""

from __future__ import annotations

import atexit
import os
import sys
import weakref

from runvitals.client.own_rings import abandon_own_rings
from runvitals.client.rank import rank_and_world_size
from runvitals.client.ring_creation import create_ring
from runvitals.client.ring_format import MAX_NAME
from runvitals.client.run import Run, exception_text
from runvitals.client.warning import warn

_open_runs: weakref.WeakValueDictionary[tuple[str, str], Run] = weakref.WeakValueDictionary()


def watch(run: str, *, rank: int | str | None = None, world_size: int | None = None) -> Run:
    """Begin to record a run and return what takes its scalars; the sidecar finds it by itself.

    `rank` and `world_size` come from torchrun's, Open MPI's or SLURM's environment where they are not given. A second
    call for the same run and rank returns the same object while it is open. Never raises: where no ring can be made (no
    folder, no space) there is one warning, and what is returned does nothing.

    The run ends with `close`, at the end of a `with` block, or with the process: then an exception that nobody caught
    is recorded by its type.
    """
    try:
        name = str(run).encode("utf-8", "replace").decode()[:MAX_NAME] or "unnamed"
        known_rank, known_size = rank_and_world_size(rank, world_size)
        known = _open_runs.get((name, known_rank))
        if known is not None and known.is_recording:
            return known
        _hook_once()
        watched = Run(create_ring(name, known_rank, known_size))
    except Exception as error:  # noqa: BLE001 - nothing may raise into the user's code
        warn("no vitals of this run are recorded", error)
        return Run()
    _open_runs[name, known_rank] = watched
    return watched


def _hook_once() -> None:
    if not _hooked:
        _hooked.append(True)
        atexit.register(close_open_runs)
        os.register_at_fork(after_in_child=_abandon_after_fork)


_hooked: list[bool] = []


def close_open_runs() -> None:
    """At the interpreter's exit: end what its user has not ended."""
    text = "finished"
    if not hasattr(sys, "ps1") and not sys.flags.interactive:
        # Set by the interpreter where an exception ended the main script; an interactive one sets it at every mistake.
        kind = getattr(sys, "last_type", None)
        text = exception_text(kind) if kind is not None else text
    for run in list(_open_runs.values()):
        run._close(text)


def _abandon_after_fork() -> None:
    for run in list(_open_runs.values()):
        run._abandon()
    _open_runs.clear()
    abandon_own_rings()
