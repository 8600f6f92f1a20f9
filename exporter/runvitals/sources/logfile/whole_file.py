"""A file from its beginning to its end, once, for `replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runvitals.sources.logfile.event_file import EventFile
from runvitals.sources.logfile.json_document import MAX_DOCUMENT, JsonDocument
from runvitals.sources.logfile.lines import MAX_LINE
from runvitals.sources.logfile.mlflow_store import MlflowStore
from runvitals.sources.logfile.recognition import HEAD, StreamReader, recognise
from runvitals.sources.logfile.row import Clue, Rejected, Row


def rows_of(path: Path, rejected: Rejected, progress: Callable[[int], None] = lambda _: None) -> Iterator[Row | Clue]:
    """Yield all that a file says, in constant memory where its format allows it; a last line needs no end.

    `progress` is told now and then how many bytes of a file that is read piece by piece are done with. Raises FileError
    where it cannot be read as what it seems, and OSError where it may not be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    reader = recognise(str(path), head if len(head) == HEAD else head + b"\n")
    if isinstance(reader, MlflowStore):
        yield from _store(path)
    elif isinstance(reader, JsonDocument):
        with path.open("rb") as file:
            yield from reader.read_all(file.read(MAX_DOCUMENT), rejected)
    elif reader is not None:
        yield from _stream(path, reader, rejected, progress)


def _store(path: Path) -> Iterator[Row]:
    store = MlflowStore(row=0)
    while rows := store.read_new(str(path), 0.0):
        yield from rows


def _stream(
    path: Path, reader: StreamReader, rejected: Rejected, progress: Callable[[int], None]
) -> Iterator[Row | Clue]:
    with path.open("rb") as file:
        rest = b""
        while data := file.read(MAX_LINE):
            rest += data
            consumed, rows = reader.read(rest, rejected)
            yield from rows
            rest = rest[consumed:]
            progress(file.tell())
        if rest and not isinstance(reader, EventFile):
            yield from reader.read(rest + b"\n", rejected)[1]
