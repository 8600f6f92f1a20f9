"""The runs on disk: a file of logs for each hundred of seeds, outside the repository."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hazard.recipe import draw_recipe
from hazard.trainer import train

SHARD = 50
TORCH_SEEDS = 1_000_000
"""Seeds from here on are runs in PyTorch."""

SPLITS = ("fit", "fit", "fit", "fit", "calibrate", "calibrate", "held_back", "held_back", "held_back", "held_back")


class Run(NamedTuple):
    """The log of one run (steps, COLUMNS) and the seed that it, its data and its weights were drawn from."""

    seed: int
    log: NDArray[np.float64]

    @property
    def split(self) -> str:
        """What the run may be used for; no other run has its seed."""
        return SPLITS[self.seed % len(SPLITS)]


def generate(folder: Path, seeds: range, *, with_torch: bool) -> Iterator[Path]:
    """Train the runs of these seeds that the folder does not hold yet, and yield the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(seeds.start, seeds.stop, SHARD):
        path = folder / f"{first}.npz"
        if path.exists():
            continue
        chosen = range(first, min(first + SHARD, seeds.stop))
        logs = {str(seed): train(draw_recipe(seed, with_torch=with_torch)).astype(np.float32) for seed in chosen}
        fresh = path.with_suffix(".new.npz")
        np.savez_compressed(fresh, **logs)  # type: ignore[arg-type]  # numpy's stub takes the first for a flag
        fresh.replace(path)
        yield path


def load(folder: Path) -> list[Run]:
    """Return all runs of a folder, by seed."""
    runs = []
    for path in folder.glob("[0-9]*.npz"):
        with np.load(path) as logs:
            runs += [Run(int(seed), logs[seed].astype(np.float64)) for seed in logs.files]
    return sorted(runs, key=lambda run: run.seed)


def fingerprint(runs: list[Run]) -> str:
    """Return a name for exactly these logs."""
    digest = hashlib.sha256()
    for run in runs:
        digest.update(str(run.seed).encode())
        digest.update(run.log.astype(np.float32).tobytes())
    return digest.hexdigest()[:16]
