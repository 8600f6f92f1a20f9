"""Every run and server at a glance: what is wrong first, then how each is doing."""

from __future__ import annotations

from grafana.build import firing, incidents, palette, variables
from grafana.build.dashboard import dashboard as around
from grafana.build.layout import GRAPH, NUMBER, TALL, Line, Row
from grafana.build.limits import Limit, of_fault
from grafana.build.links import Boards, to_board
from grafana.build.panels import MERGED, Json, columns, override, query, stat, table, timeseries
from grafana.build.queries import FLEET, HAZARD, JOB, WHOLE, largest, of_signal, select, worst
from grafana.build.signal_panels import FEW, sentence_of, title_of
from grafana.build.units import unit_of
from runvitals.catalogue import faults, metrics, signals
from runvitals.catalogue.signals import Signal

_RUNS = 'run=~"$run"'
_WATCHED = f"group by (run) ({select(metrics.RUN_INFO, FLEET)})"
_ANY = Limit(1, "Any is worth a look.")
_NONE = palette.words_for({"0": ("none", palette.GREEN)})


def dashboard() -> Json:
    """Return the dashboard."""
    chosen = [variables.datasource(), variables.cluster(), variables.job(), variables.runs()]
    rows = [
        Row("Now", [Line(NUMBER, _numbers()), Line(TALL, [incidents.table_of_open(FLEET, _RUNS)])]),
        Row("Over time", [Line(TALL, [_timeline()]), Line(GRAPH, _found_by_prometheus()), Line(GRAPH, _graphs())]),
        Row("Runs at a glance", [Line(TALL, [_runs()])]),
        Row("Model servers", [Line(GRAPH, [_of_servers(signal) for signal in _SERVER_SIGNALS])]),
    ]
    return around(
        Boards.FLEET,
        "Every run and model server that is watched: what is open, since when, and what to do.",
        chosen,
        rows,
    )


def _numbers() -> list[Json]:
    return [
        _open("critical"),
        _open("warning"),
        stat(
            "Runs watched", "Runs and servers with a rank on a sidecar's page.", [query(f"count({_WATCHED})")], "none"
        ),
        stat(
            "Verdicts unknown",
            "Share of all verdicts on all ranks. No signal, or not enough of it yet: unknown is not healthy.",
            [query(f"sum({_faults('unknown')}) / sum({select(metrics.FAULTS, FLEET)})")],
            "percentunit",
        ),
        _down(
            "Sidecars down",
            "Sidecars that Prometheus cannot scrape; what runs there is unknown.",
            select("up", JOB),
            Boards.SIDECAR,
        ),
        _down("Sources down", "Sources that a sidecar cannot read.", select(metrics.SOURCE_UP, JOB), Boards.SIDECAR),
    ]


def _faults(state: str) -> str:
    return select(metrics.FAULTS, FLEET, f'state="{state}"')


def _open(severity: str) -> Json:
    series = select(incidents.OPEN, _RUNS, f'severity="{severity}"')
    return stat(
        f"Open: {palette.word_of(severity)}",
        f"Faults of severity {severity} that are open, counted once for a run however many ranks have them.",
        [query(f"count({series} > 0) or 0 * count({_WATCHED})")],
        "none",
        limit=_ANY,
        mappings=_NONE,
    )


def _down(title: str, description: str, series: str, board: Boards) -> Json:
    asked = [query(f"count({series} == 0) or 0 * count({series})")]
    links = [to_board(board, f"Open {board.title}", {})]
    return stat(title, description, asked, "none", limit=_ANY, mappings=_NONE, links=links)


def _timeline() -> Json:
    return incidents.timeline(
        "State of each run",
        "The worst severity that was open. A gap: nobody watched the run, and how it was is unknown.",
        incidents.worst_severity(incidents.OPEN, "run", _RUNS, watched=_WATCHED),
        ["run"],
        "nothing open",
        Boards.TRAINING,
    )


def _found_by_prometheus() -> list[Json]:
    return [firing.of_runs(("alertname", "run"), _RUNS), firing.of_watchers()]


def _graphs() -> list[Json]:
    run = [to_board(Boards.TRAINING, "Open the run", {"run": "__field.labels.run"})]
    score = select("run:runvitals_signal_robust_zscore:max_abs", _RUNS)
    hazard = select("run:runvitals_explosion_probability:max", _RUNS, HAZARD)
    return [
        timeseries(
            f"Worst robust z-score, {FEW} runs",
            "How far the most unusual signal of each run is from its median, in robust standard deviations.",
            [query(largest(FEW, f"max by (run) ({score})"), "{{run}}")],
            "none",
            links=run,
        ),
        timeseries(
            f"Explosion within 50 steps, {FEW} runs",
            "Calibrated probability that the gradient explodes within 50 steps, on the rank where it is largest.",
            [query(largest(FEW, f"max by (run) ({hazard})"), "{{run}}")],
            "percentunit",
            limit=of_fault(faults.GRADIENT_EXPLOSION_LIKELY, "probability"),
            links=run,
        ),
    ]


_COLUMNS = {
    "run": "Run",
    "Value #A": "Step",
    "Value #B": "Steps per second",
    "Value #C": "Slowest rank behind by",
    "Value #D": "Last step ago",
    "Value #E": "Worst robust z-score",
    "Value #F": "Worst anomaly score",
    "Value #G": "Explosion within 50 steps",
}


def _runs() -> Json:
    foremost, last = (select(f"run:runvitals_run_step:{name}", _RUNS) for name in ("max", "min"))
    score = select(metrics.SIGNAL_ANOMALY_SCORE_PEAK, FLEET, WHOLE)
    asked = [
        f"max by (run) ({foremost})",
        f"max by (run) ({select('run:runvitals_run_step:deriv5m', _RUNS)})",
        f"max by (run) ({foremost} - {last})",
        f"time() - max by (run) ({select(metrics.RUN_LAST_STEP_TIMESTAMP, FLEET)})",
        f"max by (run) ({select('run:runvitals_signal_robust_zscore:max_abs', _RUNS)})",
        f"max by (run) ({score})",
        f"max by (run) ({select('run:runvitals_explosion_probability:max', _RUNS, HAZARD)})",
    ]
    link = to_board(Boards.TRAINING, "Open the run", {"run": "__data.fields.Run"})
    return table(
        "Runs",
        "How far each run is, how fast, how far apart its ranks are, and how unusual its worst signal is now.",
        [query(expr, instant=True) for expr in asked],
        "short",
        transformations=[MERGED, columns(_COLUMNS)],
        overrides=[
            override("Run", links=[link]),
            override("Last step ago", unit="s"),
            override("Explosion within 50 steps", unit="percentunit"),
        ],
        sort_by="Worst anomaly score",
    )


_SERVER_SIGNALS = (signals.TIME_TO_FIRST_TOKEN_P99, signals.REQUESTS_WAITING, signals.ERROR_RATIO)


def _of_servers(signal: Signal) -> Json:
    return timeseries(
        f"{title_of(signal)}, {FEW} servers",
        f"{sentence_of(signal)} Of the worst replica of each server.",
        [query(worst(signal, of_signal(signal, FLEET), "run", FEW), "{{run}}")],
        unit_of(signal),
        links=[to_board(Boards.SERVER, "Open the server", {"run": "__field.labels.run"})],
    )
