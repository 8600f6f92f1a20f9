"""The newest ring of each rank of a run, found in the runs folders."""

from __future__ import annotations

import os
from collections.abc import Iterable

from runvitals.client.live_rings import expand_folders
from runvitals.client.ring_files import open_ring, ring_paths
from runvitals.client.ring_format import Header, NotARingError


def newest_rings(folders: Iterable[str], run: str) -> dict[str, str]:
    """Return by rank the path of the ring of this run that started last, alive or not; what cannot be read is left out.

    `folders` are patterns with variables and wildcards.
    """
    newest: dict[str, tuple[float, str]] = {}
    for path in _paths(folders):
        header = _header(path)
        if header is not None and header.run == run:
            newest[header.rank] = max(newest.get(header.rank, (0.0, "")), (header.started, path))
    return {rank: path for rank, (_, path) in newest.items()}


def _paths(folders: Iterable[str]) -> Iterable[str]:
    for folder in expand_folders(folders):
        try:
            yield from ring_paths(folder)
        except OSError:
            continue


def _header(path: str) -> Header | None:
    try:
        descriptor, header = open_ring(path)
    except (OSError, NotARingError):
        return None
    os.close(descriptor)
    return header
