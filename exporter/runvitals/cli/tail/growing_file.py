"""A file that a trainer may still be writing, or that is read once to its end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.logfile.source import LogfileSource
from runvitals.sources.recorded import Recording, RecordingError
from runvitals.values import Event, Sample

_BYTES_AT_ONCE = 1 << 20
_SEARCH_SECONDS = 1.0


class FinishedFile:
    """Yields what a file holds, up to a last line without an end, and ends with it."""

    is_live = False

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    @property
    def has_times(self) -> bool:
        """Whether the file tells when its rows happened; known with the first item."""
        return self._recording.has_times

    def __iter__(self) -> Iterator[Sample | Event | None]:
        yield from self._recording


class GrowingFile:
    """Yields what a file holds as the log file source reads it, and None whenever there is no more for now.

    It is `is_live` from then on: what comes happens now. `read` is told how many bytes of the file have been read. A
    file that cannot be read raises RecordingError.
    """

    has_times = False

    def __init__(self, path: Path, run: str | None, read: Callable[[int], None] = lambda _: None) -> None:
        literal = re.sub(r"([*?\[])", r"[\1]", str(path.absolute()))
        self._source = LogfileSource(
            LogfileSettings(
                path=literal,
                run=run or path.stem,
                start="beginning",
                search_seconds=_SEARCH_SECONDS,
                max_bytes_per_poll=_BYTES_AT_ONCE,
            )
        )
        self._read = read
        self.is_live = False

    def __iter__(self) -> Iterator[Sample | Event | None]:
        while True:
            before = self._source.bytes_read
            poll = self._source.poll(time.time())
            if poll.error:
                raise RecordingError(poll.error)
            yield from (item for item in poll.items if isinstance(item, (Sample, Event)))
            if self._source.bytes_read != before:
                self._read(self._source.bytes_read)
                continue
            self.is_live = True
            yield None
