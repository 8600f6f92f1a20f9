"""Ring files: how they are opened safely, and whether their writer lives.

A process never opens a ring that it writes itself: see `own_rings`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from runvitals.client.own_rings import own_ring
from runvitals.client.ring_format import HEADER_BYTES, Header, NotARingError, decode_header

SUFFIX = ".ring"
TEMPORARY_SUFFIX = ".ring-being-made"
"""Of a hidden file that is not a ring yet."""
OWN_RING = "own_ring"


def ring_paths(folder: str) -> list[str]:
    """Return the paths of the files in a folder that are named like rings, sorted. Raises OSError."""
    with os.scandir(folder) as entries:
        return sorted(entry.path for entry in entries if entry.name.endswith(SUFFIX) and entry.name[0] != ".")


def open_ring(path: str) -> tuple[int, Header]:
    """Open a ring for reading and return its descriptor and header.

    Links are not followed, and only a regular file is ever opened. Raises NotARingError where it is no ring that can be
    read from here, and OSError where the file may not be opened.
    """
    descriptor = open_regular_file(path)
    try:
        header = decode_header(os.pread(descriptor, HEADER_BYTES, 0), os.fstat(descriptor).st_size)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, header


def open_regular_file(path: str) -> int:
    """Open a file for reading, neither a link, nor a special file, nor an own ring. Raises like open_ring."""
    status = os.stat(path, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        raise NotARingError("not_a_regular_file", "it is not a regular file")
    if own_ring(status) is not None:
        raise NotARingError(OWN_RING, "this process writes it; opening it again would drop its lock")
    # Not blocking: what was a file a moment ago may be a named pipe now.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotARingError("not_a_regular_file", "it is not a regular file")
    return descriptor


def is_locked(descriptor: int) -> bool | None:
    """Tell whether another process holds the lock of a ring; None where the file system has no locks."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in (errno.EAGAIN, errno.EACCES) else None
    fcntl.lockf(descriptor, fcntl.LOCK_UN)
    return False
