"""The state file: baselines, findings and source positions, saved together so that they always fit each other."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from runvitals.pipeline.pipeline import PipelineState
from runvitals.stats.rolling_window import RollingWindow
from runvitals.values import IncidentChange

VERSION = 1


class CheckpointError(Exception):
    """A state file that cannot be read; the sentence names the file and the remedy."""


class Checkpoint(msgspec.Struct):
    """What is saved: the pipeline's state, and for each source the position up to which it is in that state.

    `changes` are those of findings that are in the state, but had not reached the journal.
    """

    pipeline: PipelineState
    positions: dict[str, Any]
    saved: float
    version: int = VERSION
    changes: list[IncidentChange] = []


class _Version(msgspec.Struct):
    version: int


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write the state file atomically: a kill at any moment leaves the old one or the new one. Raises OSError."""
    data = msgspec.msgpack.encode(checkpoint, enc_hook=_encode)
    fresh = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def load(path: Path) -> Checkpoint | None:
    """Read the state file; None if there is none. Raises CheckpointError if it is not ours, damaged, or too new."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    try:
        version = msgspec.msgpack.decode(data, type=_Version).version
        if version != VERSION:
            raise CheckpointError(f"{path} has version {version}, this runvitals reads version {VERSION}")
        return msgspec.msgpack.decode(data, type=Checkpoint, dec_hook=_decode)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged, or of another version of runvitals: {error}") from error


def _encode(value: object) -> object:
    if isinstance(value, RollingWindow):
        return [value.size, *value.values()]
    raise NotImplementedError(f"{type(value).__name__} cannot be saved")


def _decode(kind: type, data: Any) -> object:
    if kind is RollingWindow:
        size, *values = data
        if not (isinstance(size, int) and 2 <= size <= 65_536 and all(isinstance(value, float) for value in values)):
            raise ValueError("a window is not one")
        return RollingWindow(size, values)
    raise NotImplementedError(f"{kind.__name__} cannot be loaded")
