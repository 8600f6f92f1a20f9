"""What a file is, by its name and its first bytes."""

from __future__ import annotations

import json
import re
from pathlib import PurePath

from runvitals.sources.logfile.crc32c import masked_crc32c
from runvitals.sources.logfile.errors import NotRecognisedError
from runvitals.sources.logfile.event_file import EventFile
from runvitals.sources.logfile.json_document import HISTORY, JsonDocument
from runvitals.sources.logfile.json_lines import JsonLines, parse_object
from runvitals.sources.logfile.mlflow_metric import METRIC_LINE, MlflowMetric, metric_key
from runvitals.sources.logfile.mlflow_store import SQLITE_MAGIC, MlflowStore
from runvitals.sources.logfile.table import Table, delimiter_of, is_header, split_cells
from runvitals.sources.logfile.text_log import TextLog

HEAD = 64 << 10
"""Bytes of the beginning that are looked at."""

StreamReader = TextLog | Table | JsonLines | MlflowMetric | EventFile
"""Readers of files that grow at their end."""

DocumentReader = JsonDocument | MlflowStore
"""Readers of files that are written whole, or are read by query."""

AnyReader = StreamReader | DocumentReader

_HELD_BACK = frozenset({"validation", "val", "eval", "test"})
_LONGEST_LINE = HEAD // 2
_HOLE = re.compile(rb"\0{16,}")
_TABLES = frozenset({".csv", ".tsv"})


def recognise(path: str, head: bytes) -> AnyReader | None:
    """Return what reads a file with this name and these first bytes; None while they are too few to tell.

    Raises NotRecognisedError for what nothing here reads.
    """
    name = PurePath(path)
    if head.startswith(SQLITE_MAGIC):
        return MlflowStore()
    if _is_event_file(name, head):
        return EventFile("val/" if name.parent.name.lower() in _HELD_BACK else "") if len(head) >= 12 else None
    if not _is_text(head):
        raise NotRecognisedError("neither text in UTF-8 nor another format that is known")
    return _recognise_text(name, head)


def _is_event_file(name: PurePath, head: bytes) -> bool:
    if "tfevents" in name.name:
        return True
    return len(head) >= 12 and masked_crc32c(head[:8]) == int.from_bytes(head[8:12], "little")


def _is_text(head: bytes) -> bool:
    """Tell text from other bytes; runs of NUL, which a crash or a truncation leaves in a log, do not count."""
    packed = _HOLE.sub(b"", head)
    text = packed.decode(errors="replace")
    return packed.count(0) * 100 <= len(packed) and text.count("\ufffd") * 10 <= len(text)


def _recognise_text(name: PurePath, head: bytes) -> AnyReader | None:
    text = head.decode(errors="replace").replace("\r", "\n").lstrip("\ufeff\0 \n")
    lines = [line for line in text.split("\n")[:-1] if line.strip() and not line.startswith("#")]
    if text.startswith(("{", "[")):
        return _recognise_json(name, text, lines[0] if lines else "")
    if not lines:
        return TextLog() if len(head) >= HEAD else None
    key = metric_key(name)
    if key and METRIC_LINE.match(lines[0]):
        return MlflowMetric(key)
    return _table(name, lines[0]) or TextLog()


def _recognise_json(name: PurePath, text: str, line: str) -> AnyReader | None:
    if not line and len(text) >= _LONGEST_LINE:
        return TextLog() if name.suffix != ".json" else JsonDocument()
    if not line:
        return JsonDocument() if name.suffix == ".json" and _is_document(text) else None
    found = parse_object(line)
    if found is not None:
        return JsonDocument() if HISTORY in found else JsonLines()
    is_document = name.suffix == ".json" or line.strip() in ("{", "[")
    return JsonDocument() if is_document else JsonLines() if name.suffix == ".jsonl" else TextLog()


def _is_document(text: str) -> bool:
    """Return whether a text without any line end is a whole JSON document."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _table(name: PurePath, line: str) -> Table | None:
    delimiter = delimiter_of(line)
    cells = split_cells(line, delimiter) or []
    if len(cells) < 2 or not (is_header(cells) or name.suffix in _TABLES):
        return None
    return Table([cell.strip() for cell in cells], delimiter)
