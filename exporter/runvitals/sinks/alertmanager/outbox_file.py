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
        saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("what Alertmanager was not told before the start is lost: %s: %s", path, error)
        return []
    return saved.standing if saved.version == VERSION else []
