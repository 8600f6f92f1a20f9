"""Which rings there are and whose writers live, for whoever reads them. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import glob
from typing import NamedTuple

from runvitals.client.opened_ring import OpenedRing
from runvitals.client.ring_files import ring_paths
from runvitals.client.ring_format import Header, NotARingError


class RingFile(NamedTuple):
    """A ring file found in a folder."""

    path: str
    header: Header


def expand_folders(patterns: Iterable[str]) -> list[str]:
    """Return the folders that exist, each once, in the patterns' order; a variable that is not set stands for none."""
    found: dict[str, None] = {}
    for pattern in patterns:
        path = os.path.expandvars(pattern)
        if path and "$" not in path:
            found.update((folder, None) for folder in sorted(glob(path)) if os.path.isdir(folder))
    return list(found)


def live_rings(patterns: Iterable[str], limit: int = 1024) -> Iterator[RingFile]:
    """Yield the rings in these folders whose writer lives, as far as can be told; what cannot be read is left out.

    At most `limit` files of a folder are looked at.
    """
    for folder in expand_folders(patterns):
        try:
            paths = ring_paths(folder)
        except OSError:
            continue
        yield from filter(None, map(_live_ring, paths[:limit]))


def _live_ring(path: str) -> RingFile | None:
    try:
        ring = OpenedRing.open(path)
    except (OSError, NotARingError):
        return None
    try:
        return None if ring.is_live() is False else RingFile(path, ring.header)
    finally:
        ring.close()
