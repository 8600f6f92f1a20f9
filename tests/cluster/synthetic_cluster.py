"""A cluster of many ranks: one large run, small ones, and a server of many replicas; three in a hundred ranks fail.

The pages are real (courses.py); each rank has those of one way of faring under its own name. A sidecar watches 8 ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runvitals.catalogue import metrics
from tests.bundle.shipped import Document
from tests.cluster import remote_write
from tests.cluster.courses import WAYS, Course, Labels, course
from tests.cluster.relabelling import relabelled

JOB = "runvitals"
LARGE, SERVER = "pretrain", "chat"
_OF_SIDECAR = 8
_OF_SMALL_RUN = 8
_FAILING_EVERY = 50
_FAILING = ("exploding", "slow", "corrupted", "crashed")
_HEALTHY = ("healthy 0", "healthy 1", "healthy 2")
_SERVING = ("serving 0", "serving 1")


class Place(NamedTuple):
    """A rank of the cluster: its run with so many ranks, its way of faring, and the sidecar that watches it."""

    run: str
    rank: str
    world_size: int
    way: str
    instance: str


def places(ranks: int) -> list[Place]:
    """Return so many ranks: eight tenths are one run, a tenth small runs, a tenth replicas of one server."""
    replicas = small = ranks // 10
    large = ranks - replicas - small
    named = [(LARGE, rank, large) for rank in range(large)]
    named += [(f"sweep-{number // _OF_SMALL_RUN}", number % _OF_SMALL_RUN, _OF_SMALL_RUN) for number in range(small)]
    named += [(SERVER, rank, 0) for rank in range(replicas)]
    return [
        Place(run, str(rank), size, _way(run, rank), f"node-{number // _OF_SIDECAR}:9877")
        for number, (run, rank, size) in enumerate(named)
    ]


def _way(run: str, rank: int) -> str:
    """Return how a rank fares: the seventh of a run, then every fiftieth, fails."""
    fails = rank % _FAILING_EVERY == 7
    if run == SERVER:
        return "serving badly" if fails else _SERVING[rank % len(_SERVING)]
    if fails:
        return _FAILING[(rank // _FAILING_EVERY + len(run)) % len(_FAILING)]
    return _HEALTHY[rank % len(_HEALTHY)]


class SyntheticCluster:
    """The series of a cluster, as Prometheus scraped them at these times, after `metric_relabel_configs`."""

    def __init__(self, ranks: int, times: Sequence[float], relabel_configs: Sequence[Document] = ()) -> None:
        self.places = places(ranks)
        self._times = times
        self._configs = relabel_configs
        ways = sorted({place.way for place in self.places})
        assert set(ways) <= set(WAYS)
        self._courses = {way: course(way, times) for way in ways}
        self._encoded = {way: self._encode(found) for way, found in self._courses.items()}

    @property
    def runs(self) -> list[str]:
        """The names of the runs and of the server."""
        return sorted({place.run for place in self.places})

    def chosen(self) -> dict[str, dict[str, str]]:
        """Return what somebody chose on each dashboard: all runs, the largest, its first rank, the server."""
        one = {"run": LARGE, "rank": "0"}
        return {
            "runvitals-fleet": {"run": f"({'|'.join(self.runs)})"},
            "runvitals-run": one,
            "runvitals-rank": one,
            "runvitals-gpu": {"run": LARGE},
            "runvitals-server": {"run": SERVER},
        }

    def series(self) -> Iterator[bytes]:
        """Yield every series, ready to be written."""
        sidecars = set()
        for place in self.places:
            yield from self._of_rank(place)
            if place.instance not in sidecars:
                sidecars.add(place.instance)
                yield from self._of_sidecar(place)

    def _encode(self, found: Course) -> dict[Labels, bytes]:
        of_all = {**found.of_rank, **found.of_sidecar}
        return {
            labels: remote_write.samples(_with_end(values, self._times))
            for labels, values in of_all.items()
            if relabelled(dict(labels), self._configs) is not None
        }

    def _of_rank(self, place: Place) -> Iterator[bytes]:
        own = {"run": place.run, "rank": place.rank, "instance": place.instance, "job": JOB}
        for labels, samples in self._encoded[place.way].items():
            if labels not in self._courses[place.way].of_rank:
                continue
            named = {**dict(labels), **own}
            is_size = named["__name__"] == metrics.RUN_WORLD_SIZE.name
            if "world_size" in named:
                named |= {"world_size": str(place.world_size), "host": place.instance.split(":")[0]}
                named["pid"] = str(4000 + int(place.rank))
            yield remote_write.labels(named) + (self._world_size(labels, place) if is_size else samples)

    def _world_size(self, labels: Labels, place: Place) -> bytes:
        seen = self._courses[place.way].of_rank[labels]
        values = [None if value is None else float(place.world_size) for value in seen]
        return remote_write.samples(_with_end(values, self._times))

    def _of_sidecar(self, place: Place) -> Iterator[bytes]:
        own = {"instance": place.instance, "job": JOB}
        for labels, samples in self._encoded[place.way].items():
            if labels in self._courses[place.way].of_sidecar:
                yield remote_write.labels({**dict(labels), **own}) + samples
        up = remote_write.samples((time, 1.0) for time in self._times)
        yield remote_write.labels({"__name__": "up", **own}) + up


def _with_end(values: Sequence[float | None], times: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Yield the samples of a series, and after each last one the mark by which Prometheus ends it."""
    is_there = False
    for time, value in zip(times, values, strict=True):
        if value is not None:
            yield time, value
        elif is_there:
            yield time, remote_write.STALE
        is_there = value is not None


def scrape_times(start: float, end: float, dense_from: float, interval: float = 15.0) -> list[float]:
    """Return when was scraped: every two minutes, and from a time on at the interval."""
    sparse = [start + 120.0 * number for number in range(math.ceil((dense_from - start) / 120.0))]
    dense = [dense_from + interval * number for number in range(int((end - dense_from) / interval) + 1)]
    return sparse + dense
