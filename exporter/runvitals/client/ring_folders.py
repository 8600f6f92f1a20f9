"""The folders in which rings lie: where a client puts its own, and where a reader looks for all."""

from __future__ import annotations

import contextlib
import os
import stat

RUNS_DIR_VARIABLE = "RUNVITALS_RUNS_DIR"
SHARED_FOLDER = "/run/runvitals"


def temporary_folder() -> str:
    """Return the folder for temporary files; the standard library's `tempfile` would be slow to import."""
    names = (os.environ.get(variable) for variable in ("TMPDIR", "TEMP", "TMP"))
    return next((name for name in names if name and os.path.isdir(name)), "/tmp")  # noqa: S108 - checked when opened


def reader_folders() -> tuple[str, ...]:
    """Return the folders in which rings may lie, as patterns with variables and wildcards."""
    return (f"${RUNS_DIR_VARIABLE}", SHARED_FOLDER, os.path.join(temporary_folder(), "runvitals-*"))


def open_client_folder() -> tuple[int, str]:
    """Open the folder for this process's rings, made if need be; return descriptor and path. Raises OSError."""
    chosen = os.environ.get(RUNS_DIR_VARIABLE)
    if chosen:
        os.makedirs(chosen, mode=0o755, exist_ok=True)
        return os.open(chosen, os.O_DIRECTORY | os.O_CLOEXEC), chosen
    if os.access(SHARED_FOLDER, os.W_OK | os.X_OK):
        return os.open(SHARED_FOLDER, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC), SHARED_FOLDER
    return _open_private_folder(os.path.join(temporary_folder(), f"runvitals-{os.geteuid()}"))


def _open_private_folder(path: str) -> tuple[int, str]:
    """Open a folder in a place where anyone may have made it first: it must be ours alone, and no link."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    descriptor = os.open(path, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        os.close(descriptor)
        raise PermissionError(f"{path} belongs to someone else or may be written by others")
    return descriptor, path
