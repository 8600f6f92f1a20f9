"""Reads back what a client wrote, and runs clients in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runvitals.sources.ring import read_ring
from runvitals.values import Event, Sample


def only_ring(folder: Path) -> Path:
    rings = list(folder.glob("*.ring"))
    assert len(rings) == 1, rings
    return rings[0]


def items(folder: Path) -> list[Sample | Event]:
    return list(read_ring(only_ring(folder)))


def samples(folder: Path) -> list[Sample]:
    return [item for item in items(folder) if isinstance(item, Sample)]


def events(folder: Path) -> list[Event]:
    return [item for item in items(folder) if isinstance(item, Event)]


def values(folder: Path) -> list[tuple[str, int | None, float]]:
    return [(sample.signal, sample.step, sample.value) for sample in samples(folder)]


def run_script(script: str, *options: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own; its folder is that of the environment."""
    command = [sys.executable, *options, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
