"""The watchers themselves: whether they are up, what they read, what they leave out, and what they cost."""

from __future__ import annotations

from grafana.build import palette, variables
from grafana.build.dashboard import dashboard as around
from grafana.build.layout import GRAPH, NUMBER, TALL, Line, Row, graphs
from grafana.build.limits import Limit
from grafana.build.links import Boards
from grafana.build.panels import Json, columns, query, stat, state_timeline, table, timeseries
from grafana.build.queries import SIDECAR, increase, largest, rate, select, smallest
from runvitals.catalogue import metrics
from runvitals.catalogue.metrics import Metric

_FEW = 16
_ANY = Limit(1, "Any is worth a look.")
_NONE = palette.words_for({"0": ("none", palette.GREEN)})


def dashboard() -> Json:
    """Return the dashboard."""
    chosen = [variables.datasource(), variables.cluster(), variables.job(), variables.instance()]
    rows = [
        Row("Now", [Line(NUMBER, _numbers()), Line(GRAPH, [_up(), _sources_up()])]),
        Row("Sources", graphs(_sources())),
        Row("What is left out", graphs(_left_out())),
        Row("Journal and state", graphs(_journal())),
        Row("Cost and version", [*graphs(_cost()), Line(TALL, [_versions()])]),
    ]
    return around(
        Boards.SIDECAR, "The sidecars: what they read, what they leave out, and what they cost.", chosen, rows
    )


def _numbers() -> list[Json]:
    old = f"time() - min({select(metrics.SNAPSHOT_TIMESTAMP, SIDECAR)})"
    saved = f"time() - min({select(metrics.STATE_SAVED_TIMESTAMP, SIDECAR)})"
    loaded = f"1000 * max({select(metrics.CONFIG_RELOAD_TIMESTAMP, SIDECAR)})"
    return [
        _broken("Sidecars down", "Sidecars that Prometheus cannot scrape.", select("up", SIDECAR)),
        _broken("Sources down", "Sources whose last poll failed.", select(metrics.SOURCE_UP, SIDECAR)),
        _broken(
            "Configs refused",
            "Sidecars that go on with an older config.",
            select(metrics.CONFIG_RELOAD_SUCCESSFUL, SIDECAR),
        ),
        stat(
            "Oldest snapshot",
            "Age of the oldest snapshot that a sidecar shows. It grows while a pipeline hangs.",
            [query(old)],
            "s",
        ),
        stat(
            "Oldest state",
            "Time since the sidecar that is last saved its state: what a kill would cost.",
            [query(saved)],
            "s",
        ),
        stat("Newest config", "When a config was last loaded.", [query(loaded)], "dateTimeFromNow"),
    ]


def _broken(title: str, description: str, series: str) -> Json:
    asked = [query(f"count({series} == 0) or 0 * count({series})")]
    return stat(title, description, asked, "none", limit=_ANY, mappings=_NONE)


def _up() -> Json:
    return state_timeline(
        "Sidecars that can be scraped",
        "Those that are down come first. A gap: Prometheus did not know the sidecar.",
        [query(smallest(_FEW, f"min by (instance) ({select('up', SIDECAR)})"), "{{instance}}")],
        palette.up_and_down(),
    )


def _sources_up() -> Json:
    series = select(metrics.SOURCE_UP, SIDECAR)
    return state_timeline(
        "Sources that answer",
        "Those that are down come first. What rests on such a source alone is unknown, not healthy.",
        [query(smallest(_FEW, f"min by (instance, source) ({series})"), "{{instance}} {{source}}")],
        palette.up_and_down(),
    )


def _sources() -> list[Json]:
    age = f"time() - min by (instance, source) ({select(metrics.SOURCE_LAST_SUCCESS_TIMESTAMP, SIDECAR)})"
    return [
        _few(
            "Samples and events per second",
            "What each source delivers.",
            rate(select(metrics.SOURCE_SAMPLES, SIDECAR)),
            "cps",
        ),
        _few("Duration of a poll", "Of the last finished poll.", select(metrics.SOURCE_POLL_DURATION, SIDECAR), "s"),
        timeseries(
            "Last success ago",
            "Time since the last successful poll.",
            [query(largest(_FEW, age), "{{instance}} {{source}}")],
            "s",
        ),
        timeseries(
            "Signals that a server does not publish",
            "For each signal the number of sources whose server lacks it. A fault that needs it is unknown, not ok.",
            [
                query(
                    largest(_FEW, f"count by (signal) ({select(metrics.SOURCE_SIGNAL_AVAILABLE, SIDECAR)} == 0)"),
                    "{{signal}}",
                )
            ],
            "none",
        ),
    ]


def _few(title: str, description: str, series: str, unit: str) -> Json:
    asked = largest(_FEW, f"sum by (instance, source) ({series})")
    return timeseries(title, description, [query(asked, "{{instance}} {{source}}")], unit)


def _left_out() -> list[Json]:
    return [
        _by("What sources did not take", "Per second, by reason.", metrics.SOURCE_REJECTED, "source, reason"),
        _by(
            "Samples beyond a limit on series",
            "Per second, by the limit that was reached.",
            metrics.SERIES_DROPPED,
            "instance, limit",
        ),
    ]


def _by(title: str, description: str, metric: Metric, labels: str) -> Json:
    legend = " ".join(f"{{{{{name}}}}}" for name in labels.split(", "))
    expr = largest(_FEW, f"sum by ({labels}) ({rate(select(metric, SIDECAR))})")
    return timeseries(title, description, [query(expr, legend)], "cps")


def _journal() -> list[Json]:
    size = largest(_FEW, f"max by (instance) ({select(metrics.JOURNAL_SIZE, SIDECAR)})")
    held = largest(_FEW, f"max by (instance) ({select(metrics.JOURNAL_INCIDENTS, SIDECAR)})")
    up = smallest(_FEW, f"min by (instance) ({select(metrics.JOURNAL_UP, SIDECAR)})")
    waiting = largest(_FEW, f"max by (instance) ({select(metrics.JOURNAL_PENDING, SIDECAR)})")
    counted = {
        "written": metrics.JOURNAL_WRITTEN,
        "failed attempts": metrics.JOURNAL_FAILURES,
        "dropped": metrics.JOURNAL_DROPPED,
        "pruned": metrics.JOURNAL_PRUNED,
    }
    return [
        state_timeline(
            "Journals that can be written",
            "Those that cannot come first.",
            [query(up, "{{instance}}")],
            palette.up_and_down(),
        ),
        timeseries(
            "Changes of incidents",
            "In one interval of the graph, of all sidecars. Dropped: lost. Pruned: old incidents that made room.",
            [query(f"sum({increase(select(metric, SIDECAR))})", name) for name, metric in counted.items()],
            "none",
        ),
        timeseries("Changes that wait", "Changes that are not yet on disk.", [query(waiting, "{{instance}}")], "none"),
        timeseries("Incidents in the journal", "Open and closed.", [query(held, "{{instance}}")], "none"),
        timeseries("Size of the journal", "Of its files.", [query(size, "{{instance}}")], "bytes"),
        _state(),
    ]


def _state() -> Json:
    age = f"time() - min by (instance) ({select(metrics.STATE_SAVED_TIMESTAMP, SIDECAR)})"
    return timeseries(
        "State saved ago",
        "Baselines, findings and positions are saved once a minute.",
        [query(largest(_FEW, age), "{{instance}}")],
        "s",
    )


def _cost() -> list[Json]:
    cpu = largest(_FEW, f"sum by (instance) ({rate(select('process_cpu_seconds_total', SIDECAR))})")
    memory = largest(_FEW, f"max by (instance) ({select('process_resident_memory_bytes', SIDECAR)})")
    return [
        timeseries("CPU of the sidecars", "Cores.", [query(cpu, "{{instance}}")], "none"),
        timeseries("Memory of the sidecars", "Resident memory.", [query(memory, "{{instance}}")], "bytes"),
    ]


def _versions() -> Json:
    names = {"instance": "Sidecar", "version": "Version", "python": "Python"}
    return table(
        "Versions",
        "Which version runs where.",
        [query(f"max by ({', '.join(names)}) ({select(metrics.BUILD_INFO, SIDECAR)})", instant=True)],
        "none",
        transformations=[columns(names)],
    )
