"""The real page before the real programs: promtool finds nothing to object to, and Prometheus takes every sample."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runvitals.catalogue import metrics
from runvitals.exposition.server import Server
from tests.exposition.conftest import Serve
from tests.exposition.requests import PATIENCE_SECONDS, ask
from tests.exposition.snapshots import FixedBackend, rank_view, series, snapshot
from tests.programs import find_program

ODD_NAME = 'a "run"\\\nwith\0all\r\u2028\x85 of <it> é{}=,#'


def test_promtool_finds_nothing_to_object_to(serve: Serve) -> None:
    """promtool check metrics is clean on a page with every metric of the catalogue."""
    text = ask(serve(), "/metrics").body
    check = subprocess.run([find_program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def prometheus_scraping(server: Server, folder: Path) -> Iterator[str]:
    """Run Prometheus with this server as its only target; yields Prometheus's address."""
    target = "{}:{}".format(*server.address)
    scrape = {"job_name": "runvitals", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": [scrape]}))
    address = f"127.0.0.1:{_free_port()}"
    command = [
        str(find_program("prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"http://{address}"
        finally:
            process.terminate()


def _get(address: str, path: str) -> dict[str, list[dict[str, object]]]:
    with urllib.request.urlopen(f"{address}/api/v1/{path}", timeout=PATIENCE_SECONDS) as answer:
        data: dict[str, list[dict[str, object]]] = json.load(answer)["data"]
        return data


def _first_scrape(address: str) -> dict[str, object]:
    """Return the target after Prometheus has scraped it once."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            [target] = _get(address, "targets?state=active")["activeTargets"]
        except (OSError, ValueError):  # not up yet, or no target yet
            time.sleep(0.2)
            continue
        if target["health"] != "unknown":
            return target
        time.sleep(0.2)
    raise AssertionError("Prometheus has scraped nothing")


@pytest.mark.slow
def test_prometheus_takes_every_sample(serve: Serve, tmp_path: Path) -> None:
    """The real scraper, which asks for OpenMetrics and gzip, stores every metric, odd names and NaN included."""
    shown = snapshot(
        series=(*snapshot().series, series(run=ODD_NAME, value=float("nan")), series(run="inf", value=float("inf"))),
        ranks=(*snapshot().ranks, rank_view(run=ODD_NAME)),
    )
    with prometheus_scraping(serve(FixedBackend(shown)), tmp_path) as address:
        target = _first_scrape(address)
        assert (target["health"], target["lastError"]) == ("up", "")
        query = urllib.parse.quote('{__name__=~"runvitals_.+"}')
        stored = [sample["metric"] for sample in _get(address, f"query?query={query}")["result"]]
        names = {sample["__name__"] for sample in stored}
        assert names == {metric.name for metric in metrics.ALL}
        steps = {sample["run"] for sample in stored if sample["__name__"] == metrics.RUN_STEP.name}
        assert steps == {"llama", ODD_NAME}
