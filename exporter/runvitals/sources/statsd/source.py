"""StatsD and DogStatsD over UDP and over a Unix datagram socket."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from runvitals.settings import Settings
from runvitals.sources.replica import default_rank
from runvitals.sources.statsd.gauges import GaugeMemory
from runvitals.sources.statsd.reasons import Reason
from runvitals.sources.statsd.receiver import Receiver
from runvitals.sources.statsd.sockets import DatagramSocket, open_udp, open_unix, split_address
from runvitals.sources.statsd.tick import Reading, SignedGauges, Tick
from runvitals.values import Poll

_MAX_UNIX_PATH_BYTES = 107
_LARGEST = {
    "max_datagram_bytes": 65_535,
    "receive_buffer_bytes": 2**30,
    "max_lines": 1_000_000,
    "max_series": 1_000_000,
    "max_gauges": 1_000_000,
    "max_label_characters": 1024,
}
_log = logging.getLogger(__name__)


class StatsdSettings(Settings, frozen=True, kw_only=True, tag_field="kind", tag="statsd"):
    """Where to listen, how to read, and the bounds.

    With two addresses the source is up while either is open; list two sources to see each by itself.

    `udp` is `host:port`, `unix` a path, either one empty for off. Anyone who reaches the address can send values, so it
    is loopback by default, and `unix_mode` (octal) lets the owner and group send. Lines without a `run` or `rank` tag
    belong to `run` and `rank` (default `$RUNVITALS_RANK`, else the host name).

    `signed_gauges` says what `name:-5|g` means: in StatsD a change by minus five, in DogStatsD the number minus five.
    `by_dialect` takes a minus as a change unless the line has anything plain StatsD lacks (tags, …), and a plus always
    as a change; `delta` and `value` decide it for all. `timer_unit` is for senders that put seconds into `ms`, as
    datadogpy's `timed` does without `use_ms=True`.

    One tick takes at most `max_lines` lines (a long one counts as several, one for every 128 bytes) of `max_series`
    different metrics; changes are added to at most `max_gauges` remembered gauges.
    """

    name: str = ""
    udp: str = "127.0.0.1:8125"
    unix: str = ""
    unix_mode: str = "0660"
    interval: float = 1.0
    run: str = "statsd"
    rank: str | None = None
    signed_gauges: SignedGauges = "by_dialect"
    timer_unit: Literal["milliseconds", "seconds"] = "milliseconds"
    max_datagram_bytes: int = 8192
    receive_buffer_bytes: int = 4 * 1024 * 1024
    max_lines: int = 20_000
    max_series: int = 10_000
    max_gauges: int = 10_000
    max_label_characters: int = 200

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        self._check_addresses()
        if not 0.1 <= self.interval <= 60.0:
            raise ValueError(f"interval is {self.interval}; it must be between 0.1 and 60 seconds")
        for name, largest in _LARGEST.items():
            if not 1 <= getattr(self, name) <= largest:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be between 1 and {largest}")
        if not self.run or self.rank == "":
            raise ValueError("run and rank must not be empty; leave them out for the defaults")

    def _check_addresses(self) -> None:
        if not self.udp and not self.unix:
            raise ValueError("udp and unix are both empty; give at least one of them, or remove this source")
        if self.udp:
            split_address(self.udp)
        if len(os.fsencode(self.unix)) > _MAX_UNIX_PATH_BYTES or "\0" in self.unix:
            raise ValueError(f"unix is too long for a socket; use a path of at most {_MAX_UNIX_PATH_BYTES} bytes")
        if not self.unix_mode or set(self.unix_mode) - set("01234567") or int(self.unix_mode, 8) > 0o777:
            raise ValueError(f'unix_mode is {self.unix_mode!r}; write it in octal and in quotes, for example "0660"')


class StatsdSource:
    """Listens for one interval at each poll.

    With two addresses, one that cannot be opened is counted (and logged) while the other goes on; with none open, the
    source is down. Either way it is tried again at every poll.
    """

    kind = "statsd"
    listens = True

    def __init__(
        self, settings: StatsdSettings, name: str = "statsd", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.interval = settings.interval
        self._settings = settings
        self._clock = clock
        self._reading = _reading(settings)
        self._gauges = GaugeMemory(settings.max_gauges)
        self._udp: DatagramSocket | None = None
        self._unix: DatagramSocket | None = None
        self._errors: dict[Reason, OSError] = {}
        self._listening_since = clock()
        self._polling = threading.Lock()
        self._closed = False
        self._woken, self._wake = os.pipe()

    @property
    def udp_address(self) -> str | None:
        """`host:port` of the open UDP socket; its port where the settings say 0."""
        return self._udp.address if self._udp else None

    @property
    def unix_path(self) -> str | None:
        """The path of the open Unix socket."""
        return self._unix.address if self._unix else None

    def listen(self) -> None:
        """Open what is not open yet, so that nothing sent from now on is missed. Raises OSError if nothing is open."""
        had_any = bool(self._sockets())
        if self._settings.udp and self._udp is None:
            self._udp = self._opened(Reason.UDP_NOT_LISTENING, self._open_udp)
        if self._settings.unix and self._unix is None:
            self._unix = self._opened(Reason.UNIX_NOT_LISTENING, self._open_unix)
        if not self._sockets():
            raise next(iter(self._errors.values()))
        if not had_any:
            self._listening_since = self._clock()

    def poll(self, now: float) -> Poll:
        """Listen until the interval is over; return what came, stamped by arrival. Raises OSError if not listening."""
        with self._polling:
            if self._closed:
                return Poll()
            self.listen()
            tick = Tick(self._reading, self._gauges)
            start = self._clock()
            Receiver(self._sockets(), self._woken, self._clock).receive(tick, now, start, start + self.interval)
            return self._finished(tick, now, start)

    def restore(self, position: object) -> None:
        """Datagrams that are gone cannot be read again: there is no position but None."""
        if position is not None:
            raise ValueError(f"a StatsD source keeps no position, and was given {position!r}")

    def close(self) -> None:
        """End a poll that is under way, close the sockets and remove the Unix socket's path."""
        if self._closed:
            return
        self._closed = True
        os.write(self._wake, b"x")
        with self._polling:
            for opened in self._sockets():
                opened.close()
            self._udp = self._unix = None
            os.close(self._woken)
            os.close(self._wake)

    def _sockets(self) -> list[DatagramSocket]:
        return [opened for opened in (self._udp, self._unix) if opened is not None]

    def _open_udp(self) -> DatagramSocket:
        settings = self._settings
        return open_udp(settings.udp, settings.max_datagram_bytes, settings.receive_buffer_bytes)

    def _open_unix(self) -> DatagramSocket:
        settings = self._settings
        mode = int(settings.unix_mode, 8)
        return open_unix(Path(settings.unix), mode, settings.max_datagram_bytes, settings.receive_buffer_bytes)

    def _opened(self, reason: Reason, opening: Callable[[], DatagramSocket]) -> DatagramSocket | None:
        try:
            opened = opening()
        except OSError as error:
            if reason not in self._errors:
                _log.warning("source %s: %s", self.name, error)
            self._errors[reason] = error
            return None
        self._errors.pop(reason, None)
        return opened

    def _finished(self, tick: Tick, now: float, start: float) -> Poll:
        end = self._clock()
        items = tick.finish(now + end - start, max(end - self._listening_since, 1e-3))
        self._listening_since = end
        rejected = tick.rejected + Counter(dict.fromkeys(self._errors, 1))
        return Poll(items=list(items), rejected={reason.value: count for reason, count in rejected.items()})


def _reading(settings: StatsdSettings) -> Reading:
    return Reading(
        run=settings.run,
        rank=settings.rank or default_rank(),
        signed_gauges=settings.signed_gauges,
        timer_scale=1e-3 if settings.timer_unit == "milliseconds" else 1.0,
        max_lines=settings.max_lines,
        max_series=settings.max_series,
        max_label_characters=settings.max_label_characters,
    )
