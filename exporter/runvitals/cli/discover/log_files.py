"""Files in a folder that look like what a trainer writes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from runvitals.catalogue import signals
from runvitals.catalogue.signals import canonical
from runvitals.cli.discover.listing import Found
from runvitals.cli.errors import CannotRunError
from runvitals.sources.logfile.errors import NotRecognisedError
from runvitals.sources.logfile.recognition import recognise
from runvitals.sources.logfile.row import Rejected, Row
from runvitals.sources.logfile.text_log import TextLog

MAX_ENTRIES = 20_000
MAX_PATHS = 64
_PEEK_BYTES = 65536
_MANY = 3  # files of one kind in one folder that become a pattern
_TEXT = (".log", ".out", ".txt", ".csv", ".tsv", ".jsonl", ".json")
_LOSS = re.compile(rb"loss['\"]?\s*[:=|]?\s*[-+]?(\d|nan|inf)", re.IGNORECASE)
_TELLING = frozenset({signals.LOSS.name, signals.GRAD_NORM.name, signals.LEARNING_RATE.name})
_EVENTS = "events.out.tfevents."


def sources(folder: Path) -> Iterator[Found]:
    """Yield a source for what was found in the folder and those below it. Raises CannotRunError without the folder."""
    if not folder.is_dir():
        raise CannotRunError(f"{folder} is no folder")
    found = sorted(path for path in _files(folder.absolute()) if is_log(path))
    if found:
        paths = _patterns(found)
        reason = f"{len(found)} files under {folder} look like a trainer's{_unread(found)}"
        yield Found({"kind": "logfile", "path": paths[0] if len(paths) == 1 else paths[:MAX_PATHS]}, reason)


def is_log(path: Path) -> bool:
    """Tell whether a file looks like a trainer's: an event file, a table with a known column, or lines with a loss."""
    if path.name.startswith(_EVENTS):
        return True
    if path.suffix not in _TEXT and path.name != "stdout":
        return False
    head, tail = _ends(path)
    return bool(_LOSS.search(head) or _LOSS.search(tail)) or _is_table(head)


def _unread(found: list[Path]) -> str:
    """Return a remark on those whose lines no format reads."""
    paths = [str(path) for path in found if not _has_rows(path)]
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    return f"; no format reads {paths[0]}{more}: describe its lines in `patterns`" if paths else ""


def _has_rows(path: Path) -> bool:
    """Tell whether some line is read as values, in a text log; of other files the name and the columns tell."""
    head, tail = _ends(path)
    try:
        reader = recognise(str(path), head)
    except NotRecognisedError:
        return False
    if not isinstance(reader, TextLog):
        return True
    rejected: Rejected = Counter()
    return any(isinstance(item, Row) for part in (head, tail) for item in reader.read(part, rejected)[1])


def _is_table(head: bytes) -> bool:
    names = [name.strip().strip('"') for name in head.partition(b"\n")[0].decode("utf-8", "replace").split(",")]
    return len(names) >= 2 and not _TELLING.isdisjoint(map(canonical, names))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, links not followed, of a bounded number of entries."""
    left = MAX_ENTRIES
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names[:left]:
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                yield path
        left -= len(names) + 1
        if left <= 0:
            return


def _ends(path: Path) -> tuple[bytes, bytes]:
    try:
        with path.open("rb") as file:
            head = file.read(_PEEK_BYTES)
            file.seek(max(len(head), path.stat().st_size - _PEEK_BYTES))
            return head, file.read(_PEEK_BYTES)
    except OSError:
        return b"", b""


def _patterns(found: list[Path]) -> list[str]:
    """Return the paths, those of many alike in one folder as a pattern."""
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in found:
        kind = f"{_EVENTS}*" if path.name.startswith(_EVENTS) else f"*{path.suffix}"
        groups.setdefault((path.parent, kind), []).append(path)
    patterns = []
    for (parent, kind), paths in groups.items():
        folder = re.sub(r"([*?\[])", r"[\1]", str(parent))  # a pattern in a folder's name stands for itself
        patterns += [f"{folder}/{kind}"] if len(paths) >= _MANY else [_escaped(path) for path in paths]
    return patterns


def _escaped(path: Path) -> str:
    return re.sub(r"([*?\[])", r"[\1]", str(path))
