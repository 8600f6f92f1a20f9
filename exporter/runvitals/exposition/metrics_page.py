"""The /metrics page: everything the snapshot says, and how the sidecar itself is doing."""

from __future__ import annotations

import gzip
import platform
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from runvitals import __version__
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.families import (
    Build,
    Family,
    Row,
    build_rows,
    checked,
    gather,
    reload_rows,
    snapshot_rows,
)
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_text import Format, render
from runvitals.exposition.process_metrics import process_families
from runvitals.exposition.series_families import series_families
from runvitals.values import Snapshot

_T = TypeVar("_T")
_GZIP_LEVEL = 3  # a page is highly redundant: higher levels cost much time for a few per cent


def metrics_page(
    snapshot: Snapshot | None, status: ReloadStatus | None, output: Format, is_gzipped: bool, failures: LogOnce
) -> bytes:
    """Return the page in this format. What is None has no series; a part that fails is left out and logged once."""
    body = render(page_families(snapshot, status, failures), output)
    return gzip.compress(body, _GZIP_LEVEL, mtime=0) if is_gzipped else body


def page_families(snapshot: Snapshot | None, status: ReloadStatus | None, failures: LogOnce) -> list[Family]:
    """Return all families of the page."""
    own = _guarded("the process metrics", process_families, failures)
    series = series_families(snapshot.series, failures) if snapshot else ()
    return [*gather(_rows(snapshot, status, failures), series), *own]


def _rows(snapshot: Snapshot | None, status: ReloadStatus | None, failures: LogOnce) -> Iterator[Row]:
    if snapshot is not None:
        yield from snapshot_rows(snapshot, failures)
    if status is not None:
        yield from _guarded("the state of the config", lambda: checked(reload_rows(status)), failures)
    yield from _guarded("the build on the page", lambda: checked(build_rows(_build())), failures)


def _guarded(part: str, make: Callable[[], Iterable[_T]], failures: LogOnce) -> Iterable[_T]:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - one failing part never blanks the page
        failures.failure(part, error)
        return ()


def _build() -> Build:
    return Build(__version__, platform.python_version())
