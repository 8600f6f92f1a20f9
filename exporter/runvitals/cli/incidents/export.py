"""`runvitals incidents export`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runvitals.exposition.incident_json import incident_json
from runvitals.sinks.reading import Filter, reading


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="the incidents' IDs, or how they begin (default: all)")


def run(journal: Path, arguments: argparse.Namespace) -> None:
    """Write a JSON list on standard output, one incident a line; numbers that JSON cannot hold are strings."""
    with reading(journal) as reader:
        wanted = list(map(reader.find, arguments.ids)) if arguments.ids else reader.incidents(Filter())
        sys.stdout.write("[")
        for number, incident in enumerate(wanted):
            sys.stdout.write(("," if number else "") + "\n" + incident_json(reader.record(incident)))
        sys.stdout.write("\n]\n")
