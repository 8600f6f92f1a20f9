"""Runs the soak and prints its table; the exit code is 0 where every check holds.

A third of the time the sidecar is killed or stopped again and again, and started on the same state; then it lives for
the rest, and is judged by its memory. All the while trainings come and go, a model server dies and comes back, a log is
rotated, StatsD is flooded, and the config is loaded again. What is measured once at rest, before and after, are threads
and descriptors.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from unittest.mock import patch

from tests.benchmarks.usage import Usage, usage
from tests.servers import free_port, wait_until
from tests.soak.judging import Check, incident_checks, journalled, memory_check, write_memory
from tests.soak.plants import LOG, Plants, Server, begin_log, dying_server, environment, flood, rotated_log, trainings
from tests.test_serve import Sidecar, sidecar

CONFIG = """
web: {{listen_address: '127.0.0.1:0'}}
state: {{interval: 1.0}}
ranks: {{ended_seconds: {ended}, hold_seconds: 5}}
series: {{max_series_per_source: 400}}
faults: {{server_down: {{thresholds: {{minimum_seconds: 3}}}}}}
sources:
  - {{kind: ring}}
  - {{kind: process}}
  - {{kind: statsd, udp: '127.0.0.1:{statsd}', max_lines: 5000}}
  - {{kind: logfile, path: '{folder}/logs/*/train.log*', interval: 1.0, search_seconds: 1.0}}
  - {{kind: prometheus, url: 'http://127.0.0.1:{server}/metrics', run: server, interval: {interval}}}
"""
ENDED_SECONDS = 20.0
LIFE_SECONDS = 15.0
RELOAD_SECONDS = 10.0
REST_SECONDS = 5.0


class Soak:
    """One sidecar after the other on one folder, and what goes on around them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plants = Plants(folder)
        self.server = Server()
        begin_log(folder)
        self.statsd = free_port()
        self.memory: list[tuple[float, float]] = []
        self.reloads = self.lives = 0
        self._stack = ExitStack()
        self.side = self._start()

    def _start(self) -> Sidecar:
        self.lives += 1
        self.configure(1.0)
        return self._stack.enter_context(sidecar(self.folder, name=f"sidecar{self.lives}"))

    def configure(self, interval: float) -> None:
        """Write the config; `interval` is that of the source of the server, so that a reload replaces the source."""
        text = CONFIG.format(
            ended=ENDED_SECONDS, statsd=self.statsd, folder=self.folder, server=self.server.port, interval=interval
        )
        (self.folder / "runvitals.yml").write_text(text)

    def restart(self, how: signal.Signals) -> None:
        """End the sidecar and start the next one on its state."""
        self.plants.planted.done[how.name] += 1
        self.side.process.send_signal(how)
        status = self.side.process.wait(60)
        assert how == signal.SIGKILL or status == 0, f"it ended with {status}"
        self._stack.close()
        self.side = self._start()

    def at_rest(self) -> Usage:
        """Return the fewest threads and descriptors of some seconds: a poll or a page has some of its own."""
        seen = [self._use() for _ in _every(0.25, REST_SECONDS)]
        threads, descriptors = min(one.threads for one in seen), min(one.descriptors for one in seen)
        return seen[-1]._replace(threads=threads, descriptors=descriptors)

    def _use(self) -> Usage:
        return usage(self.side.process.pid)

    def hard_times(self, seconds: float) -> None:
        """Kill it or stop it, in turns, until the time is over."""
        for number, _ in enumerate(_every(LIFE_SECONDS, seconds)):
            if number:
                self.restart(signal.SIGTERM if number % 3 == 0 else signal.SIGKILL)

    def long_life(self, seconds: float) -> None:
        """Let it live, read its memory every second, have it load its config, and scrape it."""
        due = 0.0
        for now in _every(1.0, seconds):
            self.memory.append((now, float(self._use().rss_bytes)))
            if now >= due:
                due = now + RELOAD_SECONDS
                self.configure(1.0 + 0.1 * (self.reloads % 2))
                self.reloads += 1
                self.side.process.send_signal(signal.SIGHUP)
                self.side.get("/metrics")

    def close(self) -> None:
        """Stop the last sidecar, and the server."""
        self.side.process.send_signal(signal.SIGTERM)
        self.side.process.wait(60)
        self._stack.close()
        self.server.die()


def _every(seconds: float, until: float) -> Iterator[float]:
    """Yield the time since the start every so many seconds; the last one at the end."""
    began = time.monotonic()
    while (now := time.monotonic() - began) < until:
        yield now
        time.sleep(max(0.0, min(began + now + seconds, began + until) - time.monotonic()))


def soak(folder: Path, minutes: float) -> list[Check]:
    """Go through it all; return what was found."""
    course = Soak(folder)
    plants = course.plants
    before = course.at_rest()
    plants.begin(trainings, rotated_log, flood(course.statsd), dying_server(course.server))
    try:
        course.hard_times(60.0 * minutes / 3)
        course.long_life(60.0 * minutes * 2 / 3)
    finally:
        plants.end()
    lines = plants.planted.log_lines
    taken = _taken(course.side, lines)
    time.sleep(ENDED_SECONDS + REST_SECONDS)
    after = course.at_rest()
    reloaded = course.side.log.read_text().count("config reloaded")
    course.close()
    write_memory(folder / "memory.csv", course.memory)
    found = journalled(folder / "state")
    planted = plants.planted
    return [
        memory_check(course.memory),
        Check("no thread left", after.threads <= before.threads, f"{before.threads} before, {after.threads} after"),
        Check(
            "no descriptor left", after.descriptors <= before.descriptors, f"{before.descriptors}, {after.descriptors}"
        ),
        Check("each log line once", taken == lines, f"{lines} lines written, {taken} samples"),
        Check("each reload done", reloaded == course.reloads, f"{course.reloads} asked for, {reloaded} done"),
        *incident_checks(planted.incidents, found),
        Check("no traceback in its logs", not _tracebacks(folder), ", ".join(_tracebacks(folder)) or "none"),
        Check("besides", True, ", ".join(f"{count} {name}" for name, count in planted.done.items())),
        Check("other incidents", True, str(_others(planted.incidents, found) or "none")),
    ]


def _taken(side: Sidecar, lines: int) -> int:
    """Return how many losses of the log have been counted, once no more come."""
    counted = rf'runvitals_signal_samples_total\{{.*run="{LOG}".*signal="loss"'
    with suppress(AssertionError):  # what is missing stands in the table
        wait_until(lambda: side.value(counted) == lines, "every line of the log", 20.0)
    return int(side.value(counted) or 0)


def _tracebacks(folder: Path) -> list[str]:
    return [log.name for log in sorted(folder.glob("sidecar*.log")) if "Traceback" in log.read_text()]


def _others(planted, found):
    faults = {fault for _, fault in planted}
    return {f"{run} {fault}": count for (run, fault), count in found.items() if fault not in faults}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="without the half minute in which things end")
    parser.add_argument("--folder", type=Path, help="an empty one for config, logs and state, which is kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = (arguments.folder or Path(name)).resolve()
        with patch.dict(os.environ, environment(folder)):
            checks = soak(folder, arguments.minutes)
    for check in checks:
        print(f"{'ok  ' if check.passed else 'FAIL'} {check.name:28} {check.figures}")
    return 0 if all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
