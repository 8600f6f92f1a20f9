"""Writes files into a folder, and never over what somebody has changed there."""

from __future__ import annotations

import errno
import hashlib
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

MANIFEST = ".runvitals-bundle.json"
"""Which files were written, with the SHA-256 of each."""


class ChangedFilesError(Exception):
    """Files that differ from what was last written there. `paths` are theirs, in the folder."""

    def __init__(self, folder: Path, paths: list[str]) -> None:
        self.paths = paths
        super().__init__(
            f"{folder}: changed since it was written: {', '.join(paths)}. Nothing was written. "
            "Put the changes into the values or into files of your own, or write over them with --force"
        )


def write_files(folder: Path, files: Mapping[str, str], *, force: bool = False) -> list[str]:
    """Write the texts by their paths in the folder, each file at once or not at all; return the paths that changed.

    A file that was written before and is no longer among them is deleted. Raises ChangedFilesError before anything is
    written where a file was changed since, or was never ours, and OSError; no link in the folder is followed.
    """
    known = _read_manifest(folder)
    _refuse_links(folder, [*files, *known, MANIFEST])
    gone = [path for path in known if path not in files and (folder / path).is_file()]
    foreign = [path for path in [*files, *gone] if _is_foreign(folder / path, files.get(path), known.get(path))]
    if foreign and not force:
        raise ChangedFilesError(folder, foreign)
    changed = [path for path, text in files.items() if _digest_of(folder / path) != _digest(text)]
    for path in changed:
        _write(folder / path, files[path])
    for path in gone:
        (folder / path).unlink()
    manifest = {path: _digest(text) for path, text in sorted(files.items())}
    _write(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return [*changed, *gone]


def _refuse_links(folder: Path, paths: list[str]) -> None:
    """Raise OSError where a file, or a folder on the way to it, is a link: what is written would lie elsewhere."""
    below = {folder / one for path in paths for one in (Path(path), *Path(path).parents) if one.name}
    for path in sorted(below):
        if path.is_symlink():
            raise OSError(errno.ELOOP, "this is a link, which is not followed: remove it", str(path))


def _is_foreign(path: Path, text: str | None, known: str | None) -> bool:
    found = _digest_of(path)
    return found is not None and found != known and (text is None or found != _digest(text))


def _read_manifest(folder: Path) -> dict[str, str]:
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    kept = {path: digest for path, digest in read.items() if _is_below(path)} if isinstance(read, dict) else {}
    return {path: str(digest) for path, digest in kept.items()}


def _is_below(path: str) -> bool:
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts


def _digest_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
