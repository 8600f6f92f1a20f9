"""What the report keeps of a replay while it runs: bounded, whatever comes."""

from __future__ import annotations

from math import inf, isfinite
from typing import NamedTuple

from runvitals.exposition.report.downsampling import Columns
from runvitals.exposition.report.reading import Reading
from runvitals.values import Event, Sample

MAX_MARKS = 200
MAX_RANKS = 1_000
MAX_LEFT_OUT = 100_000


class Place(NamedTuple):
    """Which series a panel shows."""

    run: str
    rank: str
    signal: str
    layer: str


class Extreme(NamedTuple):
    """A value and where on the axis it was."""

    value: float
    place: float


class Panel:
    """One series: its columns, and exact facts about all of it, such as where its axis begins and ends.

    The axis is of steps where the first value has one, else of seconds.
    """

    def __init__(self, place: Place, *, has_steps: bool) -> None:
        self.place = place
        self.has_steps = has_steps
        self.columns = Columns()
        self.count = self.nonfinite = 0
        self.lowest: Extreme | None = None
        self.highest: Extreme | None = None
        self.start = inf
        self.end = -inf
        self._newest = 0.0

    def add(self, sample: Sample, reading: Reading) -> None:
        """Take a value."""
        place = sample.time if not self.has_steps else sample.step
        place = self._newest = self._newest if place is None else place
        self.count += 1
        self.start, self.end = min(self.start, place), max(self.end, place)
        self.columns.add(place, reading)
        if not isfinite(sample.value):
            self.nonfinite += 1
            return
        if self.lowest is None or sample.value < self.lowest.value:
            self.lowest = Extreme(sample.value, place)
        if self.highest is None or sample.value > self.highest.value:
            self.highest = Extreme(sample.value, place)


class RankRecord:
    """What the table of ranks shows of one."""

    def __init__(self) -> None:
        self.samples = 0
        self.step: int | None = None
        self.first: int | None = None
        self.last: int | None = None

    def add(self, step: int | None) -> None:
        """Take the step of a value."""
        self.samples += 1
        if step is not None:
            self.step = step
            self.first = step if self.first is None else min(self.first, step)
            self.last = step if self.last is None else max(self.last, step)


class Recorder:
    """The panels, ranks and events of one recording.

    Of more signals than `max_panels`, those of the whole rank come before those of a layer, and those in `preferred`
    before others; what is left out is counted in `left_out`, up to a limit.
    """

    def __init__(self, max_panels: int, preferred: frozenset[str]) -> None:
        self.panels: dict[Place, Panel] = {}
        self.ranks: dict[tuple[str, str], RankRecord] = {}
        self.events: list[tuple[Event, int | None]] = []
        self.left_out: set[Place] = set()
        self.dropped_events = 0
        self._max_panels = max_panels
        self._preferred = preferred

    def observe(self, sample: Sample, reading: Reading) -> None:
        """Take a value and what was known when it came."""
        self._count(sample)
        place = Place(sample.run, sample.rank, sample.signal, sample.layer)
        panel = self.panels.get(place) or self._admit(place, sample)
        if panel is not None:
            panel.add(sample, reading)

    def note(self, event: Event) -> None:
        """Take an event; it stands at its step, or at the newest of its rank."""
        if len(self.events) >= MAX_MARKS:
            self.dropped_events += 1
            return
        rank = self.ranks.get((event.run, event.rank))
        self.events.append((event, event.step if event.step is not None or rank is None else rank.step))

    def _count(self, sample: Sample) -> None:
        key = sample.run, sample.rank
        rank = self.ranks.get(key)
        if rank is None and len(self.ranks) < MAX_RANKS:
            rank = self.ranks[key] = RankRecord()
        if rank is not None:
            rank.add(sample.step)

    def _admit(self, place: Place, sample: Sample) -> Panel | None:
        if place in self.left_out:
            return None
        if len(self.panels) >= self._max_panels:
            last = max(self.panels, key=self._urgency)
            if self._urgency(last) <= self._urgency(place):
                self._leave_out(place)
                return None
            del self.panels[last]
            self._leave_out(last)
        panel = self.panels[place] = Panel(place, has_steps=sample.step is not None)
        return panel

    def _leave_out(self, place: Place) -> None:
        if len(self.left_out) < MAX_LEFT_OUT:
            self.left_out.add(place)

    def _urgency(self, place: Place) -> tuple[bool, bool]:
        return bool(place.layer), place.signal not in self._preferred
