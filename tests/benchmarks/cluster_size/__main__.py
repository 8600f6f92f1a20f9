"""What a cluster of many ranks asks of Prometheus: `python -m tests.benchmarks.cluster_size --ranks 1000`.

A synthetic cluster (tests/cluster) is written into a real Prometheus on two cores: so many hours, scraped every two
minutes, and every 15 seconds from six minutes before the end. Then Prometheus evaluates the shipped rules by itself;
then each rule and each query of each dashboard is asked for alone. `--relabelled` writes what
prometheus/large_cluster.yml leaves.

CPU time is what counts; time on the clock is that of a machine that others may use too.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import yaml

from tests.bundle.shipped import PROMETHEUS, RULE_FILES, Document, load
from tests.cluster import remote_write
from tests.cluster.asked import Asked, of_dashboards, rules
from tests.cluster.asking import Asking, Cost
from tests.cluster.recordings import keep_the_past
from tests.cluster.synthetic_cluster import SyntheticCluster, scrape_times
from tests.servers import Server, running_prometheus, wait_until

DENSE_SECONDS = 360
PAST_STEP = 240
LEAD_SECONDS = 570
"""So long after the beginning the last samples lie: by then everything has been written, and the rules have run."""
EVALUATIONS = 2
EVERY_SECONDS = 60
"""Rarer than shipped, so that also on a busy machine each group is evaluated once in it."""
WORTH_REPEATING = 0.2
FLAGS = (
    remote_write.RECEIVER,
    "--web.enable-lifecycle",
    # All of it stays in the head, so that what is hours old can be written after what is new.
    "--storage.tsdb.min-block-duration=1d",
    "--storage.tsdb.max-block-duration=1d",
    "--query.timeout=5m",
)


def main() -> None:
    """Print the tables."""
    arguments = _arguments()
    os.environ["GOMAXPROCS"] = "2"
    with tempfile.TemporaryDirectory(prefix="cluster-size-") as folder:
        config = Path(folder, "prometheus.yml")
        config.write_text("{}")
        with running_prometheus(config, Path(folder), *FLAGS) as server:
            _measure(server, config, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=1.0, help="how far the data go back, and what dashboards show")
    parser.add_argument("--relabelled", action="store_true", help="only what prometheus/large_cluster.yml leaves")
    parser.add_argument("--lines", type=int, default=25, help="of each table, the worst first")
    return parser.parse_args()


def _measure(server: Server, config: Path, arguments: argparse.Namespace) -> None:
    last = time.time() + LEAD_SECONDS
    cluster = _written(server, arguments, last)
    _keep_past(server, arguments.hours)
    end = _evaluated(server, config, last)
    asking = Asking(server.url, end, arguments.hours)
    _print_table("rule", _costs(asking, rules()), arguments.lines)
    asked = of_dashboards(arguments.hours, cluster.chosen())
    _print_table(f"query of a dashboard over {arguments.hours:g} h", _costs(asking, asked), arguments.lines)


def _written(server: Server, arguments: argparse.Namespace, last: float) -> SyntheticCluster:
    now = last - LEAD_SECONDS
    start = now - arguments.hours * 3600 - 60
    configs = load(PROMETHEUS / "large_cluster.yml")["metric_relabel_configs"] if arguments.relabelled else ()
    times = scrape_times(start, last, now - DENSE_SECONDS)
    cluster = SyntheticCluster(arguments.ranks, times, configs)
    begin = time.time()
    series = remote_write.write(server.url, cluster.series())
    print(
        f"{arguments.ranks} ranks{', relabelled' if arguments.relabelled else ''}: {series} series, "
        f"{series / arguments.ranks:.0f} a rank with its share of a sidecar; {len(times)} scrapes. "
        f"Written in {time.time() - begin:.0f} s; Prometheus holds {_memory(server):.1f} GB.",
        flush=True,
    )
    return cluster


def _memory(server: Server) -> float:
    return Asking(server.url, 0.0, 0.0).memory_bytes() / 1e9


def _keep_past(server: Server, hours: float) -> None:
    """Write what the rules would have kept until now."""
    begin = time.time()
    asking = Asking(server.url, time.time(), hours)
    before = asking.cpu_seconds()
    keep_the_past(asking, server.url, PAST_STEP)
    print(
        f"What the rules kept of it was worked out, every four minutes, in {time.time() - begin:.0f} s "
        f"({asking.cpu_seconds() - before:.0f} s of CPU).",
        flush=True,
    )


def _evaluated(server: Server, config: Path, last: float) -> float:
    """Let Prometheus evaluate the rules a few times, print what that took, and return when it was done."""
    asking = Asking(server.url, 0.0, 0.0)
    _configure(server, config, [str(path) for path in RULE_FILES])
    # The first one fills caches, and each group begins at its own time.
    wait_until(lambda: _evaluations(server) >= 1, "every group to be evaluated")
    before = asking.cpu_seconds()
    time.sleep(EVALUATIONS * EVERY_SECONDS)
    cpu = (asking.cpu_seconds() - before) / EVALUATIONS
    durations = _groups(server)
    end = time.time()
    if end > last:
        raise SystemExit(
            "The last samples were over before the rules had run: this machine is too busy for so many ranks."
        )
    _configure(server, config, [])
    print(
        f"All rules, evaluated {EVALUATIONS} times by Prometheus itself: {cpu:.2f} s of CPU each. By group, on the "
        f"clock: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in durations.items())}; together "
        f"{sum(durations.values()):.2f} s.",
        flush=True,
    )
    return end


def _configure(server: Server, config: Path, rule_files: list[str]) -> None:
    document: Document = {"global": {"evaluation_interval": f"{EVERY_SECONDS}s"}, "rule_files": rule_files}
    config.write_text(yaml.safe_dump(document))
    with urllib.request.urlopen(f"{server.url}/-/reload", b"", timeout=60):
        pass


def _evaluations(server: Server) -> int:
    """Return how often the group was evaluated that was evaluated least often."""
    counted = [int(value) for _, value in _own(server, "prometheus_rule_group_iterations_total")]
    return min(counted, default=0)


def _groups(server: Server) -> dict[str, float]:
    own = _own(server, "prometheus_rule_group_last_duration_seconds")
    return {name.partition(";runvitals-")[2].partition('"')[0]: value for name, value in own}


def _own(server: Server, metric: str) -> list[tuple[str, float]]:
    lines = (line.rpartition(" ") for line in server.text("/metrics").splitlines() if line.startswith(f"{metric}{{"))
    return [(name, float(value)) for name, _, value in lines]


def _costs(asking: Asking, asked: Iterable[Asked]) -> list[tuple[Asked, Cost]]:
    return [(one, _cost(asking, one)) for one in asked]


def _cost(asking: Asking, asked: Asked) -> Cost:
    """Return what a query costs: the median of five where it is dear."""
    first = asking.cost_of(asked)
    if first.cpu < WORTH_REPEATING:
        return first
    all_five = [first, *(asking.cost_of(asked) for _ in range(4))]
    return first._replace(cpu=median(cost.cpu for cost in all_five), wall=median(cost.wall for cost in all_five))


def _print_table(kind: str, costs: list[tuple[Asked, Cost]], lines: int) -> None:
    total = sum(cost.cpu for _, cost in costs)
    print(f"\n{len(costs)} times a {kind}, together {total:.2f} s of CPU; the {lines} dearest:")
    print("  CPU s  clock s     samples  series  step  what")
    for asked, cost in sorted(costs, key=lambda pair: -pair[1].cpu)[:lines]:
        row = f"{cost.cpu:7.3f}  {cost.wall:7.3f}  {cost.samples:10,}  {cost.series:6}  {asked.step or '':>4}"
        print(f"{row}  {asked.place}")
    print(flush=True)


if __name__ == "__main__":
    main()
