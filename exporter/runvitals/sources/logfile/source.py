"""Files that trainers write, followed as they grow."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from math import inf
from pathlib import PurePath

import msgspec

from runvitals.sources.logfile.claims import Claims
from runvitals.sources.logfile.errors import FileError
from runvitals.sources.logfile.finding import FileFound, Search, reason_of
from runvitals.sources.logfile.follower import FileState, FirstLook, Follower
from runvitals.sources.logfile.formats.pattern import Pattern
from runvitals.sources.logfile.identity import mlflow_run, rank_of, run_of
from runvitals.sources.logfile.json_document import JsonDocument
from runvitals.sources.logfile.mlflow_metric import MlflowMetric, metric_key
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.recognition import AnyReader
from runvitals.sources.logfile.row import Rejected
from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.logfile.telling import Teller
from runvitals.values import Event, Poll, Sample

_MAX_LEFT = 1024
_MAX_PROBLEMS = 100
_LONGEST_PAUSE = 300.0


class Position(msgspec.Struct):
    """Where reading stands in each file, by path; what the documents of each run have told; who owns a signal."""

    files: dict[str, FileState] = {}
    documents: dict[str, JsonDocument] = {}
    claims: Claims = msgspec.field(default_factory=Claims)


class Pause(msgspec.Struct):
    """Until when a file that could not be read is left alone, and for how long the last time."""

    until: float
    seconds: float
    sentence: str


class LogfileSource:
    """Follows every file that its paths match.

    A file that cannot be read is counted and named in the poll's error, while the others are read; it is tried again
    after a second, then after twice as long each time, five minutes at most.
    """

    kind = "logfile"
    listens = False

    def __init__(self, settings: LogfileSettings, name: str = "logfile") -> None:
        self.name = name
        self.interval = settings.interval
        self._settings = settings
        self._patterns = [Pattern(expression) for expression in settings.patterns]
        self._path_pattern = re.compile(settings.path_pattern) if settings.path_pattern else None
        self._followers: dict[str, Follower] = {}
        self._tellers: dict[str, Teller] = {}
        self._pauses: dict[str, Pause] = {}
        self._left: dict[str, FileState] = {}  # of files that are gone, or not yet here again
        self._documents: dict[str, JsonDocument] = {}
        self._claims = Claims()
        self._searched: float | None = None
        self._problems: list[str] = []

    def poll(self, now: float) -> Poll:
        """Return what the files brought since the last poll, file by file."""
        rejected: Rejected = Counter()
        if self._searched is None or not 0.0 <= now - self._searched < self._settings.search_seconds:
            self._search(now, rejected)
        items: list[Sample | Event] = []
        left = self._settings.max_bytes_per_poll
        for path in self._in_turn():
            before = self._followers[path].state.offset
            items += self._poll_file(path, now, min(left, 1 << 20), rejected)
            left -= max(0, self._followers[path].state.offset - before)
            if left <= 0:
                break
        return Poll(items, _by_reason(rejected), self._position(), self._error())

    @property
    def bytes_read(self) -> int:
        """How far the files have been read, those taken together that grow at their end."""
        return sum(follower.state.offset for follower in self._followers.values())

    def restore(self, position: object) -> None:
        """Go on from the `position` of an earlier poll. Raises ValueError if it is not one."""
        try:
            saved = msgspec.convert(position, Position, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"this is no position of the logfile source: {error}") from None
        self._left, self._documents, self._claims = saved.files, saved.documents, saved.claims

    def close(self) -> None:
        """Give back all files."""
        for follower in self._followers.values():
            follower.close()

    def _search(self, now: float, rejected: Rejected) -> None:
        search = Search(self._settings.max_files, [*self._followers, *self._left])
        found = {file.path: file for file in search.files(self._settings.paths)}
        rejected.update({(reason, ""): count for reason, count in search.reasons.items()})
        self._problems = search.problems[:_MAX_PROBLEMS]
        for path in self._followers.keys() - found.keys():
            self._leave(path)
        for path in sorted(found.keys() - self._followers.keys()):
            self._follow(found[path])
        self._pauses = {path: pause for path, pause in self._pauses.items() if path in found}
        self._searched = now

    def _follow(self, file: FileFound) -> None:
        settings, teller = self._settings, self._teller(file)
        first_look = FirstLook(settings.start, settings.stale_seconds, self._searched)
        adopt = partial(self._adopt, run=teller.run)
        self._tellers[file.path] = teller
        self._followers[file.path] = Follower(
            file.path, first_look, self._left.pop(file.path, None), adopt, self._patterns
        )

    def _leave(self, path: str) -> None:
        """The file is gone, for good or with its mount: it is known again if it comes back."""
        follower = self._followers.pop(path)
        follower.close()
        self._left[path] = follower.state
        del self._tellers[path]
        for oldest in list(self._left)[:-_MAX_LEFT]:
            del self._left[oldest]

    def _teller(self, file: FileFound) -> Teller:
        match = self._path_pattern.search(file.path) if self._path_pattern else None
        named: Mapping[str, str | None] = match.groupdict() if match else {}
        run = self._settings.run or named.get("run") or _default_run(file)
        return Teller(run, self._settings.rank or named.get("rank") or rank_of(file.path))

    def _in_turn(self) -> list[str]:
        """Return those first that have been read to their end, the others in another order each time."""
        paths = list(self._followers)
        if paths:
            first = paths[0]
            self._followers[first] = self._followers.pop(first)
        return sorted(paths, key=lambda path: not self._followers[path].state.has_caught_up)

    def _poll_file(self, path: str, now: float, limit: int, rejected: Rejected) -> list[Sample | Event]:
        pause = self._pauses.get(path)
        if pause and now < pause.until:
            return []
        follower, teller = self._followers[path], self._tellers[path]
        try:
            dated, looked = follower.poll(now, limit, rejected)
        except FileNotFoundError:  # it went away since it was found; the next search tells
            follower.close()
            return []
        except FileError as error:
            return self._pause(path, now, error.reason, str(error), rejected)
        except OSError as error:
            return self._pause(path, now, reason_of(error), error.strerror or str(error), rejected)
        self._pauses.pop(path, None)
        since = inf if looked is None else looked - self._settings.stale_seconds
        told = teller.tell(dated, rejected, live_since=since)
        if looked is None:
            return [item for item in told if isinstance(item, Sample)]
        lives, place = follower.state.lives, follower.place
        if place is None:
            return list(told)
        return list(lives.hear(told, place, since)) if dated else list(lives.end(now, place))

    def _adopt(self, reader: AnyReader, run: str) -> AnyReader:
        """Return the reader for a file of a run, with what it has in common with the run's other files."""
        if isinstance(reader, JsonDocument):
            for oldest in list(self._documents)[: -_MAX_LEFT + 1]:
                del self._documents[oldest]
            return self._documents.setdefault(run, reader)
        if isinstance(reader, MlflowMetric) and not reader.signal:
            reader.claim(self._claims, run)
        return reader

    def _pause(self, path: str, now: float, reason: Reason, sentence: str, rejected: Rejected) -> list[Sample | Event]:
        self._followers[path].close()
        rejected[reason, ""] += 1
        before = self._pauses.get(path)
        seconds = min(2.0 * before.seconds, _LONGEST_PAUSE) if before else 1.0
        self._pauses[path] = Pause(now + seconds, seconds, f"{path}: {sentence}")
        return []

    def _error(self) -> str:
        """Return what keeps files from being read: the first of it, and how much more there is."""
        sentences = [*self._problems, *(pause.sentence for pause in self._pauses.values())]
        more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
        return f"{sentences[0]}{more}" if sentences else ""

    def _position(self) -> object:
        files = {**self._left, **{path: follower.state for path, follower in self._followers.items()}}
        return msgspec.to_builtins(Position(files, self._documents, self._claims))


def _default_run(file: FileFound) -> str:
    return mlflow_run(file.path) if metric_key(PurePath(file.path)) else run_of(file.path, file.pattern)


def _by_reason(rejected: Rejected) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (reason, _), count in rejected.items():
        counts[reason.value] += count
    return {reason: count for reason, count in counts.items() if count}
