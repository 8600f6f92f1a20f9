"""`runvitals discover`: looks at this machine, and prints the config that would watch what runs here."""

from __future__ import annotations

import argparse
from pathlib import Path

from runvitals.cli.discover import log_files, machine, processes, servers
from runvitals.cli.discover.listing import as_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="look for what trainers write in this folder")
    parser.add_argument("--no-probe", action="store_true", help="do not ask ports of this machine for /metrics")


def main(arguments: argparse.Namespace) -> int:
    """Look, and print. Nothing is changed or started."""
    found = [*machine.find()]
    pages = {} if arguments.no_probe else servers.find()
    found += servers.sources(pages)
    found += processes.sources(processes.find(), pages)
    if arguments.logs:
        found += log_files.sources(arguments.logs)
    print(as_yaml(found), end="")
    return 0
