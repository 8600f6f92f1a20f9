"""Two small clusters, one twice as large: every query is answered, and the work grows no faster than the ranks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster import remote_write
from tests.cluster.asked import Asked, of_dashboards, rules
from tests.cluster.asking import Asking, Cost
from tests.cluster.recordings import keep_the_past
from tests.cluster.synthetic_cluster import SyntheticCluster, scrape_times
from tests.servers import running_prometheus

pytestmark = pytest.mark.slow

SIZES = (25, 50)
HOURS = 1 / 6
END = time.time()
FEW = 50
"""Samples for each point of a graph that are no load; so many are granted, for some ranks fail in one of them only."""

Costs = dict[Asked, Cost]


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Costs, Costs]:
    """What every query costs in each of the two."""
    smaller, larger = (_costs(ranks, tmp_path_factory.mktemp("cluster")) for ranks in SIZES)
    return smaller, larger


def _costs(ranks: int, folder: Path) -> Costs:
    (folder / "prometheus.yml").write_text("{}")
    with running_prometheus(folder / "prometheus.yml", folder, remote_write.RECEIVER) as server:
        cluster = SyntheticCluster(ranks, scrape_times(END - HOURS * 3600, END, END - HOURS * 3600))
        remote_write.write(server.url, cluster.series())
        asking = Asking(server.url, END, HOURS)
        keep_the_past(asking, server.url, 60)
        # All runs by one pattern, so that the queries of both are the same.
        chosen = cluster.chosen() | {"runvitals-fleet": {"run": ".+"}}
        return {asked: asking.cost_of(asked) for asked in (*rules(), *of_dashboards(HOURS, chosen))}


def test_the_work_grows_no_faster_than_the_ranks(costs: tuple[Costs, Costs]) -> None:
    """Of twice as many ranks no rule and no panel looks at many more than twice as many samples; none is refused."""
    smaller, larger = costs
    assert len(smaller) == len(larger) > 300
    grown = {
        asked.place: (cost.samples, larger[asked].samples)
        for asked, cost in smaller.items()
        if _is_beyond(asked, cost, larger[asked])
    }
    assert not grown


def _is_beyond(asked: Asked, less: Cost, more: Cost) -> bool:
    points = HOURS * 3600 / asked.step if asked.step else 1
    return more.samples > 2.2 * max(less.samples, FEW * points)


def test_the_cluster_shows_what_the_bundle_asks_for(costs: tuple[Costs, Costs]) -> None:
    """The synthetic cluster is no empty one: most rules and panels look at something, and ranks fail in it."""
    _, larger = costs
    assert sum(cost.samples > 0 for cost in larger.values()) > len(larger) / 2
    firing = {asked.place for asked, cost in larger.items() if asked.place.startswith("Runvitals") and cost.series}
    assert firing & {"RunvitalsGradientExplosion", "RunvitalsDivergence"}  # of the one rank that explodes
