"""A real Prometheus that holds what was scraped long ago: samples written by promtool as blocks, and asked by HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bundle.shipped import run_program
from tests.servers import Server, running_prometheus

KEEP = "--storage.tsdb.retention.time=100y"

_LINE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")

Series = dict[str, Any]  # as Prometheus answers a range query: `metric` and `values`


class Samples:
    """Samples by metric, to be written into a database."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def add_page(self, text: str, time: float, labels: Mapping[str, str]) -> None:
        """Add what a scrape brought, with the labels that Prometheus gives to it."""
        given = _written(labels)
        for line in text.splitlines():
            found = _LINE.match(line) if not line.startswith("#") else None
            if found:
                own = f"{found['labels'].rstrip(',')}," if found["labels"] else ""
                self._add(found["name"], own + given, found["value"], time)

    def add(self, name: str, labels: Mapping[str, str], value: str, time: float) -> None:
        """Add one sample."""
        self._add(name, _written(labels), value, time)

    def _add(self, name: str, labels: str, value: str, time: float) -> None:
        self._lines.setdefault(name, []).append(f"{name}{{{labels}}} {value} {time:.3f}")

    def write(self, folder: Path) -> None:
        """Write all as blocks of the database in `folder`."""
        file = folder / "samples.om"
        file.write_text("".join(f"{line}\n" for lines in self._lines.values() for line in lines) + "# EOF\n", "utf-8")
        run_program("promtool", "tsdb", "create-blocks-from", "openmetrics", file, folder / "prometheus")


def _written(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items())


class Recorded:
    """Asks a Prometheus for a stretch of the past."""

    def __init__(self, server: Server, start: float, end: float, step: float) -> None:
        self.server = server
        self._range = {"start": str(start), "end": str(end), "step": str(step)}

    def answer(self, query: str) -> list[Series]:
        """Return the series that the query has anywhere in the stretch."""
        series: list[Series] = self.server.get("/api/v1/query_range", query=query, **self._range)["data"]["result"]
        return series

    def labels_of(self, metrics: Iterable[str]) -> dict[str, list[dict[str, str]]]:
        """Return the labels of every series of these metrics."""
        times = {name: self._range[name] for name in ("start", "end")}
        ask = self.server.get
        return {name: ask("/api/v1/series", **{"match[]": name}, **times)["data"] for name in sorted(set(metrics))}


@contextmanager
def holding(config: Path, folder: Path, start: float, end: float, step: float) -> Iterator[Recorded]:
    """Run a Prometheus on what has been written into `folder`."""
    with running_prometheus(config, folder, KEEP) as server:
        yield Recorded(server, start, end, step)
