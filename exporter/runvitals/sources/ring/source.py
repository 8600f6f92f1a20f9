"""Samples and events from the rings that training processes write: new runs appear by themselves."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from runvitals.client.live_rings import expand_folders
from runvitals.client.ring_files import OWN_RING, ring_paths
from runvitals.client.ring_folders import reader_folders
from runvitals.client.ring_format import MAGIC, NotARingError
from runvitals.settings import Settings
from runvitals.sources.ring.follower import RingFollower, RingState
from runvitals.values import Event, EventKind, Poll, Sample

RING_MAGIC = MAGIC
"""The first bytes of a ring file."""

_MAX_FILES = 4096  # of one folder
_MAX_BYTES_OF_ALL = 8 << 20  # of one poll; what they hold takes some ten times as much memory
_MAX_LOGGED = 100  # refused files; the rest are counted alone, for anyone may fill a shared folder

log = logging.getLogger(__name__)


class RingSettings(Settings, frozen=True, tag_field="kind", tag="ring"):
    """Where rings are looked for and how they are read.

    `folders` may hold variables and wildcards; by default the places where clients put their rings. At most
    `max_rings` are followed at once, and at most about `max_bytes_per_poll` bytes of each are read at a time, fewer
    where many are followed, for all together are bounded as well. Where neither locks nor its process can tell whether
    a run lives, it is unknown after `unknown_after` seconds of silence.
    """

    name: str = ""
    folders: tuple[str, ...] = msgspec.field(default_factory=reader_folders)
    interval: float = 0.5
    max_rings: int = 256
    max_bytes_per_poll: int = 1 << 20
    unknown_after: float = 300.0

    def __post_init__(self) -> None:
        for field in ("interval", "max_rings", "max_bytes_per_poll", "unknown_after"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{field} must be greater than 0")


class RingSource:
    """Follows every ring in its folders.

    A ring that had ended before this source first looked, and that no saved position knows, is left to `replay`. Of two
    live writers of one run and rank the one that started first is kept; what the other writes is read and counted.
    """

    kind = "ring"
    listens = False

    def __init__(self, settings: RingSettings, name: str = "ring") -> None:
        self.name = name
        self.interval = settings.interval
        self._settings = settings
        self._followers: dict[str, RingFollower] = {}
        self._saved: dict[str, RingState] = {}
        self._done: set[str] = set()  # ended, or refused: never opened again
        self._counted: set[tuple[str, str]] = set()  # (name, reason) of what is counted once and tried again
        self._since: float | None = None
        self._logged = 0

    def poll(self, now: float) -> Poll:
        """Return what all rings brought since the last poll, ring by ring."""
        rejected: Counter[str] = Counter()
        items: list[Sample | Event] = []
        if self._since is None:
            self._since = now
        found = self._find(rejected)
        items += self._vanished(found, now)
        self._forget(found)
        for name, path in found.items():
            if name not in self._followers and name not in self._done:
                self._follow(name, path, rejected)
        for name in sorted(self._followers, key=self._age):
            if self._is_superseded(self._followers[name]):
                self._end(name)
            else:
                items += self._poll_ring(name, now, rejected)
        return Poll(items, dict(rejected), self._position())

    def restore(self, position: object) -> None:
        """Go on from the `position` of an earlier poll. Raises ValueError if it is not one."""
        try:
            self._saved = msgspec.convert(position, dict[str, RingState], strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"this is no position of the ring source: {error}") from None
        self._done |= {name for name, state in self._saved.items() if state.ended}

    def close(self) -> None:
        """Give back all files."""
        for follower in self._followers.values():
            follower.close()
        self._followers.clear()

    def _find(self, rejected: Counter[str]) -> dict[str, str]:
        """Return the paths of the ring files by name; a folder that is listed twice counts once."""
        found: dict[str, str] = {}
        for folder in expand_folders(self._settings.folders):
            for path in self._list(folder, rejected):
                name = Path(path).name
                if name.isprintable():
                    found.setdefault(name, path)
                else:  # no client makes one, and what is not UTF-8 could not stand in a saved position
                    self._count_once(folder, "bad_file_name", rejected)
        return found

    def _list(self, folder: str, rejected: Counter[str]) -> list[str]:
        try:
            paths = ring_paths(folder)
            if len(paths) > _MAX_FILES:
                self._count_once(folder, "too_many_files", rejected)
            return paths[:_MAX_FILES]
        except PermissionError:
            self._count_once(folder, "folder_permission_denied", rejected)
        except FileNotFoundError:
            pass
        return []

    def _vanished(self, found: dict[str, str], now: float) -> list[Event]:
        """Return that nothing is known any more of runs whose rings are gone since the position was saved.

        A machine that started anew has lost what lay in memory, the runs and their rings.
        """
        return [
            Event(EventKind.RUN_UNKNOWN, state.run, state.rank, now, state.newest_step, "its ring is gone")
            for name, state in self._saved.items()
            if state.announced and not state.ended and name not in found and name not in self._followers
        ]

    def _forget(self, found: dict[str, str]) -> None:
        self._done &= found.keys()
        self._counted = {(name, reason) for name, reason in self._counted if name in found or "/" in name}
        self._saved = {name: state for name, state in self._saved.items() if name in found}

    def _follow(self, name: str, path: str, rejected: Counter[str]) -> None:
        if len(self._followers) >= self._settings.max_rings:
            self._count_once(name, "too_many_rings", rejected)
            return
        try:
            follower = RingFollower.open(path, self._settings.unknown_after, self._saved.get(name))
        except FileNotFoundError:
            return
        except PermissionError:
            self._count_once(name, "permission_denied", rejected)
        except OSError:  # too many open files, for instance: tried again at the next poll
            self._count_once(name, "unreadable", rejected)
        except NotARingError as error:
            self._refuse(name, error, rejected)
        else:
            self._adopt(name, follower)

    def _adopt(self, name: str, follower: RingFollower) -> None:
        self._followers[name] = follower
        if name in self._saved:
            return
        live = follower.look()
        if follower.header.started >= (self._since or 0.0):
            follower.count_from_start()
        elif live is False:
            self._end(name)
        elif live is None:
            follower.skip_to_end()

    def _poll_ring(self, name: str, now: float, rejected: Counter[str]) -> list[Sample | Event]:
        follower = self._followers[name]
        try:
            items = follower.poll(now, self._limit())
        except NotARingError as error:
            self._refuse(name, error, rejected)
            items = [follower.event(EventKind.RUN_UNKNOWN, now, str(error))]
            follower.ended = True
        rejected.update(follower.rejected())
        items = self._only_of_first_writer(name, follower, items, now, rejected)
        if follower.ended:
            self._end(name)
        return items

    def _limit(self) -> int:
        return min(self._settings.max_bytes_per_poll, max(1, _MAX_BYTES_OF_ALL // len(self._followers)))

    def _only_of_first_writer(
        self, name: str, follower: RingFollower, items: list[Sample | Event], now: float, rejected: Counter[str]
    ) -> list[Sample | Event]:
        first = self._first_writer(follower)
        if first is follower:
            if not follower.announced and (items or follower.live):
                follower.announced = True
                return [follower.started(), *items]
            return items
        rejected["duplicate_writer"] += len(items)
        if self._count_once(name, "duplicate_writer", rejected):
            text = f"pid {follower.header.pid} on {follower.header.host} beside pid {first.header.pid}"
            return [follower.event(EventKind.DUPLICATE_WRITER, now, text)]
        return []

    def _first_writer(self, follower: RingFollower) -> RingFollower:
        """Return who is kept of the writers of this rank that are known to live, and this one."""
        rivals = [other for other in self._rivals(follower) if other.live]
        return min([follower, *rivals], key=lambda one: (not one.announced, one.header.started, one.header.pid))

    def _is_superseded(self, follower: RingFollower) -> bool:
        """Tell whether the rank has started again, where nothing tells that its earlier process has ended."""
        return follower.live is None and any(
            other.announced and other.header.started > follower.header.started for other in self._rivals(follower)
        )

    def _rivals(self, follower: RingFollower) -> list[RingFollower]:
        rank = follower.header[:2]
        return [other for other in self._followers.values() if other is not follower and other.header[:2] == rank]

    def _age(self, name: str) -> tuple[float, str]:
        return self._followers[name].header.started, name

    def _end(self, name: str) -> None:
        self._followers.pop(name).close()
        self._done.add(name)

    def _refuse(self, name: str, error: NotARingError, rejected: Counter[str]) -> None:
        if error.reason == OWN_RING:
            return  # it was being closed at that moment: it is another file like any other at the next poll
        rejected[error.reason] += 1
        self._log(name, error)
        self._done.add(name)

    def _log(self, name: str, error: NotARingError) -> None:
        self._logged += 1
        if self._logged <= _MAX_LOGGED:
            log.warning("the ring %r is skipped: %s", name, error)
        if self._logged == _MAX_LOGGED:
            log.warning("further rings that are skipped are counted alone")

    def _count_once(self, name: str, reason: str, rejected: Counter[str]) -> bool:
        if (name, reason) in self._counted:
            return False
        self._counted.add((name, reason))
        rejected[reason] += 1
        return True

    def _position(self) -> object:
        states = {**self._saved, **{name: RingState(ended=True) for name in self._done}}
        states.update((name, follower.state()) for name, follower in self._followers.items())
        return msgspec.to_builtins(states, str_keys=True)


def read_ring(path: str | Path) -> Iterator[Sample | Event]:
    """Yield everything one ring file holds, at the times written in it; its end only if its writer is gone.

    Raises NotARingError, which names the file, where it is no ring, and OSError where it may not be opened.
    """
    name = str(path)
    try:
        follower = RingFollower.open(name, unknown_after=float("inf"))
        try:
            yield from _whole_ring(follower)
        finally:
            follower.close()
    except NotARingError as error:
        raise NotARingError(error.reason, f"{name}: {error}") from None


def _whole_ring(follower: RingFollower) -> Iterator[Sample | Event]:
    newest = follower.header.started
    yield follower.started()
    while not follower.ended:
        items = follower.poll(newest, follower.header.ring_bytes)
        if not items:
            return
        for item in items:
            newest = max(newest, item.time)
            yield item
