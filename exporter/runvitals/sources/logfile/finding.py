"""Files that match a glob, found in bounded time."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from runvitals.sources.logfile.reasons import Reason

MAX_ENTRIES = 100_000
"""Entries of folders that one search looks at."""

_MAX_DEPTH = 32
_MAGIC = re.compile(r"[*?\[]")
_NEVER_LOGS = re.compile(
    r"\.(?:pt|pth|bin|safetensors|ckpt|npy|npz|pkl|h5|onnx|gguf|png|jpe?g|gif|svg|mp4|wav|gz|bz2|xz|zst|zip|tar|tgz|lock"
    r"|ring|pid|so|py|pyc|sh|ya?ml|toml|md|html)\Z",
    re.IGNORECASE,
)
_ROTATED = re.compile(r"(.+?)[.-](?:\d{1,3}|\d{8}(?:[-_T]?\d{2,6})?|old|bak)\Z")


class FileFound(NamedTuple):
    """A file and the pattern it matches."""

    path: str
    pattern: str


_Entry = tuple[bool, float, FileFound]
"""Whether it is a link, when it was modified, and the file."""


class Search:
    """One search. What could not be looked at is counted, and said in `problems`.

    `known` are the paths that were found before: what rotation puts aside is told by them, too, while the file that is
    to take the old one's name is not there yet.
    """

    def __init__(self, max_files: int, known: Iterable[str] = ()) -> None:
        self._max_files = max_files
        self._known = frozenset(known)
        self._entries = 0
        self.reasons: Counter[Reason] = Counter()
        self.problems: list[str] = []

    def files(self, patterns: tuple[str, ...]) -> list[FileFound]:
        """Return the files that match, one entry for each, at most `max_files`: those that were written last."""
        found: dict[tuple[int, int], _Entry] = {}
        for pattern in patterns:
            for path in self._matching(Path(os.path.expandvars(pattern)).expanduser().absolute()):
                self._add(FileFound(str(path), pattern), path, found)
        kept = sorted(self._without_rotated(found), key=lambda one: (-one[1], one[2].path))
        if len(kept) > self._max_files:
            self.reasons[Reason.TOO_MANY_FILES] += len(kept) - self._max_files
        return [one for _, _, one in kept[: self._max_files]]

    def _add(self, file: FileFound, path: Path, found: dict[tuple[int, int], _Entry]) -> None:
        if not file.path.isprintable():  # what is not UTF-8 could not stand in a saved position
            self.reasons[Reason.BAD_FILE_NAME] += 1
            return
        status = self._status(path)
        if status is None:
            return
        entry = (path.is_symlink(), status.st_mtime, file)
        key = status.st_dev, status.st_ino
        found[key] = min(found.get(key, entry), entry)  # a link to a file that is found as well is no other

    def _without_rotated(self, found: dict[tuple[int, int], _Entry]) -> list[_Entry]:
        """Leave out what rotation has put aside, `train.log.1` beside `train.log`: it was read under its first name."""
        names = self._known | {one.path for _, _, one in found.values()}
        return [entry for entry in found.values() if not _is_rotated(entry[2].path, names)]

    def _matching(self, pattern: Path) -> Iterator[Path]:
        parts = pattern.parts
        plain = next((at for at, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
        root = Path(*parts[:plain])
        status = self._status(root)
        if status is None and not self.problems:
            self.problems.append(f"{root}: there is no such folder")
        if status is not None:
            yield from self._walk(root, parts[plain:], 0)

    def _walk(self, folder: Path, parts: tuple[str, ...], depth: int) -> Iterator[Path]:
        """Yield what matches the parts of a pattern below a folder. `**` follows no links, lest it goes round."""
        part, rest = parts[0], parts[1:]
        if part == "**":
            yield from self._walk(folder, rest or ("*",), depth)
            folders = [entry for entry in self._list(folder) if entry.is_dir(follow_symlinks=False)]
            for entry in folders if depth < _MAX_DEPTH else []:
                yield from self._walk(Path(entry.path), parts, depth + 1)
        elif _MAGIC.search(part):
            for entry in self._list(folder):
                if fnmatchcase(entry.name, part):
                    yield from self._entry(entry, rest, depth)
        elif not rest:
            yield folder / part
        elif self._status(folder / part):
            yield from self._walk(folder / part, rest, depth)

    def _entry(self, entry: os.DirEntry[str], rest: tuple[str, ...], depth: int) -> Iterator[Path]:
        is_folder = _is_folder(entry)
        if rest and is_folder:
            yield from self._walk(Path(entry.path), rest, depth)
        elif not rest and not is_folder and not _NEVER_LOGS.search(entry.name):
            yield Path(entry.path)

    def _status(self, path: Path) -> os.stat_result | None:
        """Return what stands at the path; None where there is nothing, or where that cannot be told, which is noted."""
        try:
            return path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._refuse(path, error)
            return None

    def _list(self, folder: Path) -> list[os.DirEntry[str]]:
        if self._entries >= MAX_ENTRIES:
            self.reasons[Reason.TOO_MANY_ENTRIES] += 1
            return []
        try:
            with os.scandir(folder) as entries:
                listed = [entry for entry, _ in zip(entries, range(MAX_ENTRIES - self._entries), strict=False)]
        except OSError as error:
            self._refuse(folder, error)
            return []
        self._entries += len(listed)
        return sorted((entry for entry in listed if not entry.name.startswith(".")), key=lambda entry: entry.name)

    def _refuse(self, path: Path, error: OSError) -> None:
        self.reasons[reason_of(error)] += 1
        self.problems.append(f"{path}: {error.strerror or error}")


def reason_of(error: OSError) -> Reason:
    """Return why a path cannot be opened."""
    if isinstance(error, PermissionError):
        return Reason.PERMISSION_DENIED
    return Reason.SYMLINK_LOOP if error.errno == errno.ELOOP else Reason.UNREADABLE


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links: opening it tells
        return False


def _is_rotated(path: str, names: Set[str]) -> bool:
    match = _ROTATED.match(path)
    return "tfevents" not in path and match is not None and match[1] in names
