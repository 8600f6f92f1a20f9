"""Asks a Prometheus, and tells what the answer cost it."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.cluster.asked import Asked

_PATIENCE = 300.0


class Cost(NamedTuple):
    """What an answer cost: seconds of Prometheus's CPU and on the clock, samples looked at, and the series given."""

    cpu: float
    wall: float
    samples: int
    series: int


class Asking:
    """Asks the one Prometheus that this process has started, for a stretch of time that ends at `end`."""

    def __init__(self, url: str, end: float, hours: float) -> None:
        self._url = url
        self._range = {"start": str(end - hours * 3600), "end": str(end)}
        [self._process] = [one for one in psutil.Process().children() if one.name().startswith("prometheus")]

    def cost_of(self, asked: Asked) -> Cost:
        """Return what an answer costs, once. Raises urllib.error.HTTPError where there is none."""
        before, begin = self.cpu_seconds(), time.perf_counter()
        data = self.data(asked.text, asked.step, stats="all")
        wall = time.perf_counter() - begin
        cpu = self.cpu_seconds() - before
        return Cost(cpu, wall, data["stats"]["samples"]["totalQueryableSamples"], len(data["result"]))

    def data(self, text: str, step: int = 0, **more: str) -> Any:
        """Return the answer at the end of the stretch, or over all of it where there is a step."""
        if step:
            return self._get("query_range", query=text, step=str(step), **self._range, **more)
        return self._get("query", query=text, time=self._range["end"], **more)

    def cpu_seconds(self) -> float:
        """Return the CPU time that Prometheus has taken so far, by the scheduler's count of its threads."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def memory_bytes(self) -> int:
        """Return the resident memory of Prometheus."""
        return int(self._process.memory_info().rss)

    def _get(self, path: str, **parameters: str) -> Any:
        body = urllib.parse.urlencode(parameters).encode()
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}", body, timeout=_PATIENCE) as answer:
            return json.load(answer)["data"]
