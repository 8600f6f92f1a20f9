"""Making a ring file: its space is reserved, it is locked, and only then gets its name; older ones are cleared away."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import resource
import time

from runvitals.client import process_identity
from runvitals.client.own_rings import close_own, own
from runvitals.client.ring_files import SUFFIX, TEMPORARY_SUFFIX
from runvitals.client.ring_folders import open_client_folder
from runvitals.client.ring_format import MAX_NAME, RING_BYTES, Header, encode_header
from runvitals.client.ring_pruning import prune
from runvitals.client.ring_writer import RingWriter

MODE_VARIABLE = "RUNVITALS_RING_MODE"
DEFAULT_MODE = 0o640


def create_ring(run: str, rank: str, world_size: int, ring_bytes: int = RING_BYTES) -> RingWriter:
    """Make the ring of one rank in this process's folder and return its writer.

    Raises OSError where it cannot be: no folder, no permission, no space.
    """
    folder, path = open_client_folder()
    try:
        name = f"{slug(run)}-{os.urandom(8).hex()}"
        temporary = f".{name}{TEMPORARY_SUFFIX}"
        # Exclusively: whatever an attacker may have put there is never opened.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            _prepare(descriptor, _header(run, rank, world_size, ring_bytes))
            writer = RingWriter(descriptor, ring_bytes, os.path.abspath(os.path.join(path, name + SUFFIX)))
            os.rename(temporary, name + SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            close_own(descriptor)
            raise
    finally:
        os.close(folder)
    prune(path, slug(run), run, rank)
    return writer


def slug(run: str) -> str:
    """Return a file name for a run: letters, digits, `_` and `-`, at most 60 of them, whatever the run is called."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", run).strip("-")[:60] or "run"


def _prepare(descriptor: int, header: Header) -> None:
    own(descriptor)
    os.fchmod(descriptor, _mode())
    _reserve(descriptor, header.ring_bytes)
    os.pwrite(descriptor, encode_header(header._replace(locked=_lock(descriptor))), 0)


def _reserve(descriptor: int, size: int) -> None:
    """Take the space before it is mapped: a disk that fills up later must not kill the writer by SIGBUS."""
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if largest != resource.RLIM_INFINITY and size > largest:  # asked for, it would be SIGXFSZ, which may kill
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        os.pwrite(descriptor, bytes(size), 0)  # some file systems reserve nothing, and some C libraries do not try
        if os.fstat(descriptor).st_size != size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _mode() -> int:
    """Return the mode of the file: others may read at most, since whoever may cut a mapped file can kill its writer."""
    text = os.environ.get(MODE_VARIABLE, "")
    mode = int(text, 8) if re.fullmatch("0?o?[0-7]{3,4}", text) else DEFAULT_MODE
    return mode & 0o644 | 0o600


def _header(run: str, rank: str, world_size: int, ring_bytes: int) -> Header:
    pid = os.getpid()
    return Header(
        run=run[:MAX_NAME],
        rank=rank,
        world_size=world_size,
        pid=pid,
        pid_namespace=process_identity.pid_namespace(),
        start_ticks=process_identity.start_ticks(pid) or 0,
        boot_id=process_identity.boot_id(),
        host=os.uname().nodename[:255],
        started=time.time(),
        started_monotonic=time.monotonic(),
        ring_bytes=ring_bytes,
        locked=False,
    )
