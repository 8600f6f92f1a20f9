"""The story: a healthy training, a learning rate raised too far, the alarm, the stop, and the all-clear."""

from __future__ import annotations

import time
from collections.abc import Callable

from runvitals.demo.schedule import EXPLODE_AFTER, GROWTH

from . import programs
from .narration import Narration
from .processes import Processes
from .watch import Watch

LOOK_EVERY = 0.3
SECONDS_UNTIL_MESSAGES = 180.0
SECONDS_UNTIL_RESOLVED = 120.0
SECONDS_TO_READ = 3.0
JOURNEY = ("finding", "scrape", "alert", "Alertmanager", "e-mail", "SMS")


class Story:
    """Goes through the story once; `missing` names the messages that did not arrive in time."""

    def __init__(self, processes: Processes, watch: Watch, narration: Narration, *, with_alerting: bool) -> None:
        self._processes = processes
        self._watch = watch
        self._narration = narration
        self._alarm = ("e-mail", "SMS") if with_alerting else ("finding",)
        self._all_clear = ("resolved",) if with_alerting else ("closed",)
        self._run: str | None = programs.RUN
        self.missing: list[str] = []

    def tell(self, start_training: Callable[[], None]) -> None:
        """Start the training, follow it to the alarm, stop it, and follow it to the all-clear."""
        self._narration.line(
            "training", f"starts; from step {EXPLODE_AFTER} on each step raises its learning rate by {GROWTH - 1:.0%}"
        )
        start_training()
        self._look_until(SECONDS_UNTIL_MESSAGES, *self._alarm)
        self._look_for(SECONDS_TO_READ)
        self._narration.line("training", "is stopped, as you would do now")
        stopped = time.time()
        self._processes.stop("training")
        self._run = None  # its vitals change no more
        self._look_until(SECONDS_UNTIL_RESOLVED, *self._all_clear)
        self._tell_seconds(stopped)

    def _look_until(self, seconds: float, *stations: str) -> None:
        deadline = time.monotonic() + seconds
        while not all(self._has_reached(station) for station in stations) and time.monotonic() < deadline:
            self._look()
        self.missing += [station for station in stations if not self._has_reached(station)]

    def _look_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()

    def _look(self) -> None:
        self._processes.check()
        self._watch.look(self._run)
        time.sleep(LOOK_EVERY)

    def _has_reached(self, station: str) -> bool:
        return (programs.RUN, station) in self._watch.reached

    def _tell_seconds(self, stopped: float) -> None:
        reached = self._watch.reached
        bad_step = reached.get((programs.RUN, "bad step"))
        if bad_step is None:
            return
        self._narration.plain("\nSeconds from the first bad step to each station:")
        for station in JOURNEY:
            if (at := reached.get((programs.RUN, station))) is not None:
                self._narration.plain(f"    {station:<13} {at - bad_step:6.1f}")
        for station in self._all_clear:
            if (at := reached.get((programs.RUN, station))) is not None:
                self._narration.plain(f"Seconds from the stop to the all-clear ({station}): {at - stopped:.1f}")
