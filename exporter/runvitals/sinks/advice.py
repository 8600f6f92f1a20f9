"""Open findings, carried back to the process that they are about: a file beside its ring, read by `Run.advice`."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from runvitals.client.advice import advice_path
from runvitals.values import Finding, RankView, RunStatus, Snapshot

_log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.1
"""How often it is looked whether there is a newer snapshot."""
REFRESH_SECONDS = 10.0
"""What is open is written again so often: a file that grows old is not obeyed."""
STOP_SECONDS = 1.0


class Place(NamedTuple):
    """Where a ring lies: its folder and its file name."""

    folder: str
    ring: str


class _Written(NamedTuple):
    content: bytes | None
    moment: float


class AdviceFiles:
    """Keeps, for every rank that lives and has open findings, an advice file beside its ring; all others are removed.

    Works from snapshots, in a thread of its own: a folder on a mount that hangs holds up nobody else. What cannot be
    written is tried again at the next refresh.
    """

    def __init__(self, newest: Callable[[], Snapshot | None]) -> None:
        self._newest = newest
        self._files: dict[Place, _Written] = {}
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="advice", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Remove every file: nobody keeps them up to date any more."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def update(self, snapshot: Snapshot, moment: float) -> None:
        """Bring the files in line with a snapshot; `moment` is monotonic time in seconds."""
        wanted = {place: _content(place, rank) for rank in snapshot.ranks if (place := _place(rank)) is not None}
        for place in self._files.keys() - wanted.keys():
            self._put(place, None)
            del self._files[place]
        for place, content in wanted.items():
            before = self._files.get(place)
            is_due = content is not None and before is not None and moment - before.moment >= REFRESH_SECONDS
            if before is None or content != before.content or is_due:
                self._put(place, content)  # at first even nothing: an earlier sidecar may have left a file
                self._files[place] = _Written(content, moment)

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            snapshot = self._newest()
            try:
                if snapshot is not None:
                    self.update(snapshot, time.monotonic())
            except Exception:  # noqa: BLE001  # what goes wrong with one must not end the advice to all others
                _log.exception("advice was not written")
                self._stopping.wait(REFRESH_SECONDS)
        for place in self._files:
            self._put(place, None)

    def _put(self, place: Place, content: bytes | None) -> None:
        try:
            with _opened(place) as folder:
                name = advice_path(place.ring)
                if content is None:
                    _remove(folder, name)
                else:
                    _replace(folder, name, content)
        except FileNotFoundError:
            pass  # the ring is gone, and with it whom this would concern
        except OSError as error:
            problem = f"advice for {place.ring} cannot be written or removed: {error.strerror or error}"
            if self._problem != problem:
                self._problem = problem
                _log.warning("%s", problem)


@contextlib.contextmanager
def _opened(place: Place) -> Iterator[int]:
    """Open a folder in which that ring lies. Raises FileNotFoundError where it does not, and OSError."""
    folder = os.open(place.folder, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.stat(place.ring, dir_fd=folder, follow_symlinks=False).st_mode):
            raise FileNotFoundError(place.ring)
        yield folder
    finally:
        os.close(folder)


def _replace(folder: int, name: str, content: bytes) -> None:
    """Put a file there as a whole. Others may write the folder: what they put in its place is never opened."""
    temporary = f".{name}-{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        try:
            os.fchmod(descriptor, 0o644)
            if os.write(descriptor, content) != len(content):
                raise OSError("the disk is full")
        finally:
            os.close(descriptor)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _remove(folder, temporary)
        raise


def _remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _place(rank: RankView) -> Place | None:
    folder, ring = rank.info.get("folder"), rank.info.get("ring")
    return Place(folder, ring) if folder and ring and "/" not in ring else None


def _content(place: Place, rank: RankView) -> bytes | None:
    """Return what the file says; None where there is to be no file."""
    findings = [_told(finding) for finding in rank.findings if finding.is_open]
    if rank.status is not RunStatus.RUNNING or not findings:
        return None
    return msgspec.json.encode({"ring": place.ring, "run": rank.run, "rank": rank.rank, "findings": findings})


def _told(finding: Finding) -> dict[str, str | float | int | None]:
    names = ("id", "fault", "category", "severity", "opened_step", "confidence", "first_action")
    return {name: getattr(finding, name) for name in names}
