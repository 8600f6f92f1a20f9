"""Clearing away rings that nobody writes any more: each is a flight recorder, and only the newest are kept."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import NamedTuple

from runvitals.client.advice import advice_path
from runvitals.client.ring_files import TEMPORARY_SUFFIX, is_locked, open_regular_file, open_ring, ring_paths
from runvitals.client.ring_format import MAGIC, NotARingError

KEPT_RINGS = 3
"""Ended rings that are kept of one run and rank."""
KEPT_BYTES = 64 << 20
"""Bytes of ended rings that are kept in one folder."""
_STALE_SECONDS = 60.0


class _Ended(NamedTuple):
    changed: float
    path: str
    bytes: int


def prune(folder: str, slug: str, run: str, rank: str) -> None:
    """Keep the newest ended rings of this run and rank, and a bounded number of bytes of all; never touch a live one.

    Only rings of this user are deleted. Raises OSError where the folder cannot be read.
    """
    ended = sorted(_ended_rings(folder), reverse=True)
    ours = [ring for ring in ended if _belongs_to(ring.path, slug, run, rank)]
    doomed = {ring.path for ring in ours[KEPT_RINGS:]}
    kept_bytes = 0
    for ring in ended:
        kept_bytes += ring.bytes if ring.path not in doomed else 0
        if kept_bytes > KEPT_BYTES:
            doomed.add(ring.path)
    for path in doomed:
        _unlink(path)
        _unlink(advice_path(path))
    _sweep(folder)


def _ended_rings(folder: str) -> Iterator[_Ended]:
    return filter(None, map(_ended_ring, ring_paths(folder)))


def _ended_ring(path: str) -> _Ended | None:
    try:
        status = os.stat(path, follow_symlinks=False)
        if status.st_uid == os.geteuid() and _is_ended(path, MAGIC):
            return _Ended(status.st_mtime, path, status.st_size)
    except (OSError, NotARingError):
        pass
    return None


def _is_ended(path: str, beginning: bytes = b"") -> bool:
    """Tell whether the file begins so and its lock is free. Without locks nothing is known, and nothing is deleted."""
    descriptor = open_regular_file(path)
    try:
        return os.pread(descriptor, len(beginning), 0) == beginning and is_locked(descriptor) is False
    finally:
        os.close(descriptor)


def _belongs_to(path: str, slug: str, run: str, rank: str) -> bool:
    if not os.path.basename(path).startswith(f"{slug}-"):
        return False
    try:
        descriptor, header = open_ring(path)
    except (OSError, NotARingError):
        return False
    os.close(descriptor)
    return (header.run, header.rank) == (run, rank)


def _sweep(folder: str) -> None:
    """Delete what a process left that died while it made its ring."""
    now = time.time()
    with os.scandir(folder) as entries:
        stale = [entry.path for entry in entries if entry.name[0] == "." and entry.name.endswith(TEMPORARY_SUFFIX)]
    for path in stale:
        with contextlib.suppress(OSError, NotARingError):
            if now - os.stat(path, follow_symlinks=False).st_mtime > _STALE_SECONDS and _is_ended(path):
                _unlink(path)


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):  # another process was faster, or may and we may not
        os.unlink(path)
