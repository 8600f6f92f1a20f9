"""The outbox on disk, so that a restart while no Alertmanager answers loses nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from runvitals.sinks.alertmanager.outbox import Standing

_log = logging.getLogger(__name__)

FILE_NAME = "alertmanager.json"
VERSION = 1
MAX_BYTES = 256 * 2**20
_LATEST = 253402214400.0  # the last day of the year 9999, beyond which no time can be written


class _Saved(msgspec.Struct):
    version: int
    standing: list[Standing]


def save(path: Path, standing: Sequence[Standing]) -> None:
    """Write the outbox as a whole. Raises OSError."""
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(_Saved(VERSION, list(standing))))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> list[Standing]:
    """Return what was saved; nothing where there is no file, or none that can be read, which is said."""
    try:
        return _read(path)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:  # a DecodeError is a ValueError
        _log.warning("what Alertmanager was not told before the start is lost: %s: %s", path, error)
        return []


def _read(path: Path) -> list[Standing]:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
    if not all(0.0 <= time <= _LATEST for one in saved.standing for time in _times(one)):
        raise ValueError("a time that no calendar has")
    return saved.standing if saved.version == VERSION else []


def _times(standing: Standing) -> list[float]:
    told = [time for one in standing.told.values() for time in (one.first, one.newest)]
    return told if standing.closed is None else [standing.closed, *told]
