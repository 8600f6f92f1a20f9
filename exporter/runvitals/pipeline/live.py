"""The pipeline in a thread of its own, fed by the sources, publishing a snapshot every tick."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from runvitals.pipeline import checkpoint
from runvitals.pipeline.checkpoint import Checkpoint
from runvitals.pipeline.pipeline import Pipeline
from runvitals.pipeline.polling import Batch, Poller, SourceHealth
from runvitals.pipeline.series_views import SeriesViews
from runvitals.pipeline.sink import Sink, as_change
from runvitals.sources.source import Source
from runvitals.values import Decision, Event, FastPathView, Sample, Snapshot

_log = logging.getLogger(__name__)

MAX_BATCHES = 64
DRAIN_SECONDS = 1.5
RELOAD_SECONDS = 15.0
JUMP_SECONDS = 5.0
"""The wall clock was set, or the machine slept, where it moves by so much more or less than the monotonic one."""

SET_BACK_SECONDS = 60.0
"""So long after the wall clock was set back what comes may still be dated by the clock of before: to a time to come."""
RECENT_VALUES = 64
"""So many of its newest values are shown of each series while somebody looks."""

LOOK_SECONDS = 30.0
"""So long after somebody has looked."""

SETTLE_SECONDS = 30.0
"""After a start, the time in which sources bring what the saved state does not hold yet."""


class LivePipeline:
    """Runs the pipeline against the clock.

    Only its own thread touches the pipeline; others leave work in `call`. The state file (if there is one) is written
    every `save_seconds` and at the end. The sink (if there is one) gets the changes of findings from the pipeline
    itself; here it is told what it missed, and what it has not written yet is saved with the state. `fast_path`
    says how the fast path is doing, for the snapshot.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        tick_seconds: float,
        state_file: Path | None,
        save_seconds: float,
        clock: Callable[[], float] = time.time,
        sink: Sink | None = None,
        fast_path: Callable[[], FastPathView | None] = lambda: None,
    ) -> None:
        self._sink = sink
        self._fast_path = fast_path
        self._settle_due: float | None = None
        self.snapshot: Snapshot | None = None
        self._pipeline = pipeline
        self._series_views = SeriesViews()
        self._tick_seconds = tick_seconds
        self._state_file, self._save_seconds = state_file, save_seconds
        self._clock = clock
        self._batches: queue.Queue[Batch | Callable[[], None]] = queue.Queue(MAX_BATCHES)
        self._pollers: dict[str, Poller] = {}
        self._health: dict[str, SourceHealth] = {}
        self._positions: dict[str, Any] = {}
        self._saved: float | None = None
        self._looked_at = -LOOK_SECONDS
        self._shows_recent = False
        self._offset = clock() - time.monotonic()
        self._set_back_until = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pipeline", daemon=True)

    def look(self) -> None:
        """Note that somebody looks, from any thread: the next snapshots show the newest values of each series."""
        self._looked_at = time.monotonic()

    def restore(self, saved: Checkpoint) -> None:
        """Go on from a saved state; to be called before `start`."""
        self._pipeline.restore(saved.pipeline)
        self._positions = dict(saved.positions)
        self._saved = saved.saved
        if self._sink:
            self._sink.offer_all(saved.changes)

    def start(self, sources: Iterable[Source]) -> None:
        """Begin to poll and to publish."""
        for source in sources:
            self._add(source)
        self._thread.start()

    def stop(self) -> None:
        """Drain the sources, take in what they brought, save, and end."""
        self._stopping.set()
        self._thread.join()

    def reconfigure(
        self, change: Callable[[Pipeline], None], changed: Mapping[str, Source], kept: Set[str], tick_seconds: float
    ) -> None:
        """In the pipeline's thread: apply a change, start the sources that changed, end those that are not kept.

        Raises what the change raises, and an error where the pipeline does not come to it in time.
        """
        done: Future[None] = Future()

        def work() -> None:
            try:
                change(self._pipeline)
                self._tick_seconds = tick_seconds
                self._replace(changed, kept)
            except Exception as problem:  # noqa: BLE001  # whoever asked for the change hears of it
                done.set_exception(problem)
            else:
                done.set_result(None)

        self._batches.put(work, timeout=RELOAD_SECONDS)
        done.result(RELOAD_SECONDS)

    def _run(self) -> None:
        due, save_due = 0.0, time.monotonic() + self._save_seconds
        while not self._stopping.is_set():
            self._take(max(0.0, min(due - time.monotonic(), self._tick_seconds)))
            if time.monotonic() >= due:
                due = time.monotonic() + self._tick_seconds
                self._tick()
            if time.monotonic() >= save_due:
                save_due = time.monotonic() + self._save_seconds
                self._save()
        self._drain()
        self._series_views.expire()
        self._tick()
        if self._sink:
            self._sink.flush(DRAIN_SECONDS)
        self._save()

    def _take(self, timeout: float) -> None:
        """Work off one thing from the queue, waiting for it at most `timeout` seconds."""
        try:
            item = self._batches.get(timeout=timeout) if timeout > 0.0 else self._batches.get_nowait()
        except queue.Empty:
            return
        try:
            self._observe(item) if isinstance(item, Batch) else item()
        except Exception:  # noqa: BLE001  # one bad batch must not end the watch over everything else
            _log.exception("a batch could not be taken in; it is skipped")

    def _observe(self, batch: Batch) -> None:
        health = self._health.get(batch.source)
        if health is None:
            return  # of a source that a reload has ended
        now = self._follow_clock()
        items = batch.poll.items
        if time.monotonic() < self._set_back_until:
            items = [_not_later(item, now) for item in items]
        self._pipeline.observe(items, batch.source)
        if batch.poll.position is not None:
            self._positions[batch.source] = batch.poll.position
        health.note(batch)

    def _follow_clock(self) -> float:
        """Return the time, once the pipeline knows of any jump of the clock: it is read once for both."""
        now, before = self._clock(), self._offset
        self._offset = now - time.monotonic()
        jump = self._offset - before
        if abs(jump) > JUMP_SECONDS:
            _log.warning("the wall clock was set by %+.0f s, or the machine slept", jump)
            self._pipeline.follow_clock(jump, now)
        if jump < -JUMP_SECONDS:
            self._set_back_until = time.monotonic() + SET_BACK_SECONDS
        return now

    def _tick(self) -> None:
        now = self._follow_clock()
        try:
            self._pipeline.advance(now, {name: health.last_success or 0.0 for name, health in self._health.items()})
            moment = time.monotonic()
            views = tuple(health.view(moment) for health in self._health.values())
            ready = all(health.has_answered for health in self._health.values())
            self._tend_sink(now, is_ready=ready)
            recent = self._recent_values()
            series = self._series_views.get(lambda: self._pipeline.series_views(now, recent), moment)
            snapshot = self._pipeline.snapshot(now, views, ready=ready, series=series)
            journal = self._sink.view() if self._sink else None
            self.snapshot = msgspec.structs.replace(
                snapshot, journal=journal, fast_path=self._fast_path(), state_saved=self._saved
            )
        except Exception:  # noqa: BLE001  # see above
            _log.exception("no snapshot could be taken; the page shows the last one")

    def _recent_values(self) -> int:
        is_looked_at = time.monotonic() < self._looked_at + LOOK_SECONDS
        if is_looked_at and not self._shows_recent:
            self._series_views.expire()  # who begins to look does not wait
        self._shows_recent = is_looked_at
        return RECENT_VALUES if is_looked_at else 0

    def _tend_sink(self, now: float, *, is_ready: bool) -> None:
        """Tell the sink all findings where it missed some; once after the start, which of its own are open no more."""
        if self._sink is None:
            return
        if self._sink.wants_all():
            self._sink.offer_all([as_change(finding) for finding in self._pipeline.findings()])
        if self._settle_due is None:
            self._settle_due = now + SETTLE_SECONDS
        if is_ready and now >= self._settle_due:
            self._settle_due = float("inf")
            self._sink.settle(frozenset(one.id for one in self._pipeline.findings() if one.is_open), now)

    def _save(self) -> None:
        if self._state_file is None:
            return
        changes = self._sink.pending() if self._sink else []
        state = Checkpoint(self._pipeline.state(), self._positions, self._clock(), changes=changes)
        try:
            checkpoint.save(self._state_file, state)
            self._saved = state.saved
        except OSError as error:
            _log.error("the state could not be saved to %s: %s", self._state_file, error.strerror)  # no trace
        except Exception:  # noqa: BLE001  # a state that cannot be written must not end the watch
            _log.exception("the state could not be saved to %s", self._state_file)

    def _drain(self) -> None:
        for poller in self._pollers.values():
            poller.stop()
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and any(not poller.join(0.0) for poller in self._pollers.values()):
            self._take(0.02)
        while not self._batches.empty():
            self._take(0.0)

    def _add(self, source: Source) -> None:
        if source.name in self._positions:
            try:
                source.restore(self._positions[source.name])
            except ValueError as error:
                _log.warning("source %s begins anew, its saved position cannot be used: %s", source.name, error)
        self._health[source.name] = SourceHealth(source, time.monotonic())
        self._pollers[source.name] = Poller(source, self._batches, self._clock)
        self._pollers[source.name].start()

    def _replace(self, changed: Mapping[str, Source], kept: Set[str]) -> None:
        for name in [name for name in self._pollers if name not in kept]:
            self._end(name)
            del self._health[name]
        for name, source in changed.items():
            self._end(name)
            self._add(source)

    def _end(self, name: str) -> None:
        poller = self._pollers.pop(name, None)
        if poller is None:
            return
        poller.stop()
        deadline = time.monotonic() + DRAIN_SECONDS
        while not poller.join(0.0) and time.monotonic() < deadline:
            self._take(0.02)
        for _ in range(self._batches.qsize()):  # its last batch: a successor goes on from the position in it
            self._take(0.0)


def _not_later(item: Sample | Event | Decision, now: float) -> Sample | Event | Decision:
    """Return an item dated to `now` at the latest."""
    if isinstance(item, Sample):
        return item._replace(time=now) if item.time > now else item
    if isinstance(item, Event) and item.time > now:
        return msgspec.structs.replace(item, time=now)
    return item
