"""What is open: as a table that says what to do first, and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana.build import palette
from grafana.build.links import Boards, to_board, to_runbooks
from grafana.build.panels import MERGED, Json, columns, override, query, state_timeline, table
from grafana.build.queries import select
from runvitals.catalogue import faults, metrics

OPEN = "run:runvitals_fault_active:sum"
_KEYS = ("run", "fault", "category", "severity")
_COLUMNS = {
    "severity": "Severity",
    "run": "Run",
    "fault": "Fault",
    "what": "What, and what to do first",
    "Value #A": "Ranks",
    "Value #B": "Since",
    "Value #C": "From step",
    "Value #D": "Confidence",
    "category": "Category",
}


def table_of_open(scope: str, of_runs: str) -> Json:
    """Return the table of the open faults, a line for each run and fault, however many ranks have it.

    `scope` selects ranks, `of_runs` the recorded series of runs.
    """
    by = ", ".join(_KEYS)
    still_open = f"max by ({by}) ({select(OPEN, of_runs)}) > 0"

    def of_finding(aggregate: str, metric: metrics.Metric, factor: str = "") -> Json:
        value = f"{aggregate} by ({by}) ({select(metric, scope)}){factor}"
        return query(_explained(f"{value} and on ({by}) ({still_open})"), instant=True)

    return table(
        "Open incidents",
        "Every open fault of a run once, with its earliest rank's step and time, and the number of ranks that have it. "
        "What follows from another open fault is left to its cause. Empty: nothing that is watched is open.",
        [
            query(_explained(still_open), instant=True),
            of_finding("min", metrics.FAULT_OPENED_TIMESTAMP, " * 1000"),
            of_finding("min", metrics.FAULT_OPENED_STEP),
            of_finding("max", metrics.FAULT_CONFIDENCE),
        ],
        "none",
        transformations=[MERGED, columns(_COLUMNS)],
        overrides=_columns(),
        sort_by="Since",
    )


def timeline(title: str, description: str, expr: str, labels: Sequence[str], nothing: str, board: Boards) -> Json:
    """Return how bad the worst open fault was over time, a line for each value of the labels, each a way to a board."""
    values = {name: f"__field.labels.{name}" for name in labels if name in ("run", "rank")}
    links = [to_board(board, f"Open {board.title}", values)] if values else []
    legend = " ".join(f"{{{{{name}}}}}" for name in labels)
    return state_timeline(title, description, [query(expr, legend)], palette.severity_numbers(nothing), links)


def worst_severity(series: str, by: str, *matchers: str, watched: str = "") -> str:
    """Return the number of the worst open severity; 0 where all that was open is closed, or of what is `watched`."""
    parts = [
        f"{palette.number_of(name)} * ({select(series, *matchers, _severity(name))} > bool 0)"
        for name in reversed(palette.SEVERITIES)
    ]
    parts += [f"0 * {watched}"] if watched else []
    return f"max by ({by}) ({' or '.join(parts)})"


def first_actions() -> list[Json]:
    """Return the value mappings from a fault's name to its sentences in the catalogue."""
    options: Mapping[str, Json] = {
        fault.name: {"text": f"{fault.summary} First: {fault.first_action}", "index": index}
        for index, fault in enumerate(faults.ALL)
    }
    return [{"type": "value", "options": options}]


def _severity(name: str) -> str:
    return f'severity="{name}"'


def _explained(expr: str) -> str:
    """Copy the fault's name into a column of its own, which is shown as its sentences."""
    return f'label_replace({expr}, "what", "$1", "fault", "(.*)")'


def _columns() -> list[Json]:
    coloured = {"custom_cellOptions": {"type": "color-text"}, "custom_displayMode": "color-text"}  # from 9.3 on; before
    run = to_board(Boards.TRAINING, "Open the run", {"run": "__data.fields.Run"})
    server = to_board(Boards.SERVER, "Open the server", {"run": "__data.fields.Run"})
    return [
        override("Severity", mappings=palette.severity_words(), custom_width=110, **coloured),
        override("Run", links=[run, server], custom_width=180),
        override("Fault", links=[to_runbooks()], custom_width=190),
        override("What, and what to do first", mappings=first_actions()),
        override("Ranks", custom_width=80),
        override("Since", unit="dateTimeFromNow", custom_width=130),
        override("From step", custom_width=100),
        override("Confidence", unit="percentunit", custom_width=110),
        override("Category", custom_width=120),
    ]
