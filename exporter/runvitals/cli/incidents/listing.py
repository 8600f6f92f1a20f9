"""`runvitals incidents list`."""

from __future__ import annotations

import argparse
from pathlib import Path

from runvitals.cli.incidents.words import on_one_line, when
from runvitals.sinks.reading import Filter, reading
from runvitals.values import Incident

_COLUMNS = ("ID", "OPENED", "STATE", "SEVERITY", "FAULT", "RUN", "RANK", "STEP")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--open", action="store_true", dest="open_only", help="those that are open alone")
    parser.add_argument("--run", default="", dest="of_run", metavar="RUN", help="those of this run")
    parser.add_argument("--fault", default="", metavar="FAULT", help="those of this fault")
    parser.add_argument("--limit", type=_limit, default=50, metavar="N", help="at most so many (default 50)")


def run(journal: Path, arguments: argparse.Namespace) -> None:
    """Print a line for each incident."""
    wanted = Filter(arguments.of_run, arguments.fault, arguments.open_only, arguments.limit)
    with reading(journal) as reader:
        rows = [_COLUMNS, *(_row(incident) for incident in reader.incidents(wanted))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def state(incident: Incident) -> str:
    """Return in two words at most how an incident stands."""
    if incident.is_false_alarm:
        return "false alarm"
    return "open" if incident.finding.is_open else "closed"


def _row(incident: Incident) -> tuple[str, ...]:
    finding = incident.finding
    step = "-" if finding.opened_step is None else str(finding.opened_step)
    texts = (state(incident), finding.severity, finding.fault, finding.run, finding.rank, step)
    return (finding.id, when(finding.opened_time), *map(on_one_line, texts))


def _limit(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return value
