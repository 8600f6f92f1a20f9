"""Whether the runs that a file tells of live: they are heard while it grows, and end as it says, or with its writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from runvitals.catalogue import signals
from runvitals.sources.logfile.writers import Writers
from runvitals.values import Event, EventKind, Sample

GASP_SECONDS = 60.0
"""An exception or a kill was the end where so long after it nothing more was written, and no writer can be seen."""

LOOK_SECONDS = 5.0
"""From one look at the writers of a silent file to the next."""

_OF_TRAINING = frozenset({signals.LOSS.name, signals.GRAD_NORM.name})
_OF_ALL_RANKS = frozenset({EventKind.EVALUATION, EventKind.CHECKPOINT, EventKind.RUN_FINISHED})
_ENDS = {
    EventKind.TRACEBACK: EventKind.RUN_RAISED,
    EventKind.OUT_OF_MEMORY: EventKind.RUN_RAISED,
    EventKind.COLLECTIVE_TIMEOUT: EventKind.RUN_CRASHED,
    EventKind.KILLED: EventKind.RUN_CRASHED,
}
"""How a run has ended of which this was the last that was heard."""


class Place(NamedTuple):
    """A file as it stands: on which device it is which inode, and when it was modified.

    `is_kept_open` tells that trainers keep a file of its kind open: its silence then says something even where no
    writer can be seen.
    """

    device: int
    inode: int
    modified: float
    is_kept_open: bool


class Life(msgspec.Struct):
    """A rank that lives; `gasp` is evidence of its end, if nothing has come of it since."""

    run: str
    rank: str
    step: int | None = None
    gasp: Event | None = None


class Lives(msgspec.Struct):
    """The ranks that live as far as a file tells, by run and rank, and the processes that write it.

    A rank is heard with the first loss or gradient norm that is written after the file was `first_modified`: not that
    of a finished file which has just been copied here.
    """

    of: dict[str, Life] = {}
    writers: Writers | None = None
    first_modified: float | None = None
    looked: float = 0.0

    def hear(self, items: Iterable[Sample | Event], place: Place, recent: float) -> Iterator[Sample | Event]:
        """Yield what came live, with RUN_HEARD_AGAIN where a rank is heard, and an announcement for each that lives.

        What is dated before `recent` (Unix seconds) tells of no life now.
        """
        if self.first_modified is None:
            self.first_modified = place.modified
        for item in items:
            if isinstance(item, Event):
                yield from self._event(item)
                continue
            if item.signal in _OF_TRAINING and item.time >= recent:
                yield from self._beat(item, place)
            yield item

    def end(self, now: float, place: Place) -> Iterator[Event]:
        """Yield how those have ended of which nothing more will come; to be called while the file is silent."""
        if not self.of or 0.0 <= now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        are_gone = self._are_gone(place)
        is_unseen = not self._writers(place).found and now - place.modified >= GASP_SECONDS
        for key, life in list(self.of.items()):
            if are_gone or (is_unseen and life.gasp):
                del self.of[key]
                yield _end_of(life, now)
        if not self.of:
            self.move()

    def move(self) -> None:
        """What comes next may be written by others."""
        self.writers = None

    def _are_gone(self, place: Place) -> bool:
        """Return whether those who wrote have ended, and no others have taken their place."""
        if not self._writers(place).are_gone():
            return False
        self.move()
        return not self._writers(place).found

    def _beat(self, sample: Sample, place: Place) -> Iterator[Event]:
        key = f"{sample.run}\n{sample.rank}"
        life = self.of.get(key)
        if life is None:
            if place.modified == self.first_modified or not self._would_tell(place):
                return
            self._writers(place)  # now: one that dies before the file has ever been silent would not be found
            life = self.of[key] = Life(sample.run, sample.rank)
            yield Event(EventKind.RUN_HEARD_AGAIN, sample.run, sample.rank, sample.time, sample.step)
        life.step, life.gasp = sample.step, None

    def _would_tell(self, place: Place) -> bool:
        """Return whether the file's silence would say something: a file that is opened for each row just rests."""
        return place.is_kept_open or bool(self._writers(place).found)

    def _event(self, event: Event) -> Iterator[Event]:
        if event.kind not in _OF_ALL_RANKS:
            life = self.of.get(f"{event.run}\n{event.rank}")
            if life and event.kind in _ENDS and event.seen_live:
                life.gasp = life.gasp or event
            yield event
            return
        for life in self.of.values():
            yield Event(event.kind, life.run, life.rank, event.time, life.step)
        if event.kind is EventKind.RUN_FINISHED:
            self.of.clear()
            self.move()

    def _writers(self, place: Place) -> Writers:
        if self.writers is None:
            self.writers = Writers.look(place.device, place.inode)
        return self.writers


def _end_of(life: Life, now: float) -> Event:
    gasp = life.gasp
    if gasp is None:
        sentence = "the process that wrote its log has ended"
        return Event(EventKind.RUN_UNKNOWN, life.run, life.rank, now, life.step, sentence)
    kind = _ENDS[gasp.kind]
    text = gasp.fields.get("exception", "OutOfMemoryError") if kind is EventKind.RUN_RAISED else gasp.text
    return Event(kind, life.run, life.rank, gasp.time, life.step, text)
