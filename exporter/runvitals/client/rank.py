"""Which rank of how many this process is, as its launcher tells it."""

from __future__ import annotations

import os

_LAUNCHERS = (
    ("RUNVITALS_RANK", "WORLD_SIZE"),
    ("RANK", "WORLD_SIZE"),  # torchrun and its like
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # before SLURM, whose variables mpirun's processes share
    ("SLURM_PROCID", "SLURM_NTASKS"),
)
MAX_RANK = 64
"""Characters of a rank."""


def rank_and_world_size(rank: object = None, world_size: object = None) -> tuple[str, int]:
    """Return what was given, else what the launcher's environment says, else rank 0 of 1."""
    for rank_variable, size_variable in _LAUNCHERS:
        if os.environ.get(rank_variable):
            known_rank, known_size = os.environ[rank_variable], os.environ.get(size_variable, "")
            break
    else:
        known_rank, known_size = "0", ""
    size = str(world_size) if world_size is not None else known_size
    shown = str(known_rank if rank is None else rank).encode("utf-8", "replace").decode()
    return (
        shown[:MAX_RANK] or "0",
        int(size) if size.isdecimal() and len(size) < 10 else 1,
    )
