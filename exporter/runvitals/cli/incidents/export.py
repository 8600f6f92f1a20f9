"""`runvitals incidents export`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from runvitals.exposition.findings_json import as_json
from runvitals.sinks.reading import Filter, Incident, JournalReader, reading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="the incidents' IDs, or how they begin (default: all)")


def run(journal: Path, arguments: argparse.Namespace) -> None:
    """Write a JSON list on standard output, one incident a line; numbers that JSON cannot hold are strings."""
    with reading(journal) as reader:
        wanted = list(map(reader.find, arguments.ids)) if arguments.ids else reader.incidents(Filter())
        sys.stdout.write("[")
        for number, incident in enumerate(wanted):
            sys.stdout.write(("," if number else "") + "\n" + as_json(_entry(reader, incident)))
        sys.stdout.write("\n]\n")


def _entry(reader: JournalReader, incident: Incident) -> dict[str, Any]:
    identity = incident.finding.id
    return {
        **msgspec.to_builtins(incident.finding),
        "false_alarm": incident.is_false_alarm,
        "config": incident.config,
        "history": [entry._asdict() for entry in reader.history(identity)],
        "onset": [sample._asdict() for sample in reader.onset(identity)],
    }
