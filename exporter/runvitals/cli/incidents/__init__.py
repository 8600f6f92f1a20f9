"""`runvitals incidents`: what was wrong, and what an operator decides about it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from runvitals.cli.errors import CannotRunError
from runvitals.cli.incidents import decisions, export, listing, showing
from runvitals.sinks.journal import FILE_NAME
from runvitals.sinks.reading import JournalError
from runvitals.state_folder import default_path

_COMMANDS = {
    "list": (listing.add_arguments, listing.run, "list incidents, the newest first"),
    "show": (showing.add_arguments, showing.run, "show one incident: its evidence, its history, the steps around it"),
    "export": (export.add_arguments, export.run, "write incidents as JSON, with everything that is kept of them"),
    "note": (decisions.add_note_arguments, decisions.note, "add a note to an incident"),
    "resolve": (decisions.add_arguments, decisions.resolve, "close an incident that is dealt with"),
    "false-alarm": (
        decisions.add_false_alarm_arguments,
        decisions.false_alarm,
        "close an incident that was none, and raise the bar for its fault on its signals of this run",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands, each with its arguments."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (add, run, purpose) in _COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        command.add_argument(
            "--state-dir",
            type=Path,
            metavar="FOLDER",
            help="the sidecar's state folder (default: $RUNVITALS_STATE_DIR, else the service's or the user's)",
        )
        add(command)
        command.set_defaults(run=run)


def main(arguments: argparse.Namespace) -> int:
    """Do it, beside a running sidecar or without one."""
    journal = (arguments.state_dir or default_path(os.environ)) / FILE_NAME
    try:
        arguments.run(journal, arguments)
    except JournalError as error:
        raise CannotRunError(str(error)) from error
    return 0
