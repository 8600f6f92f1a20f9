"""`runvitals incidents note | resolve | false-alarm`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from runvitals.diagnosis.rank_diagnosis import FALSE_ALARM, RESOLVED
from runvitals.sinks import deciding
from runvitals.values import Action, Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every one of these commands takes."""
    parser.add_argument("id", metavar="ID", help="the incident's ID, or how it begins")


def add_note_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `note`."""
    add_arguments(parser)
    parser.add_argument("text", metavar="TEXT", help="what to remember")


def add_false_alarm_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `false-alarm`."""
    add_arguments(parser)
    parser.add_argument("--undo", action="store_true", help="take it back: the bar is what it was before")


def note(journal: Path, arguments: argparse.Namespace) -> None:
    """Add a note."""
    finding = deciding.note(journal, arguments.id, arguments.text, time.time())
    print(f"{_named(finding)}: noted")


def resolve(journal: Path, arguments: argparse.Namespace) -> None:
    """Close an incident."""
    finding = deciding.decide(journal, arguments.id, Action.RESOLVE, RESOLVED, time.time())
    print(f"{_named(finding)}: resolved; a running sidecar takes it up within two seconds")


def false_alarm(journal: Path, arguments: argparse.Namespace) -> None:
    """Call an incident a false alarm, or take that back."""
    if arguments.undo:
        finding = deciding.decide(journal, arguments.id, Action.UNDO_FALSE_ALARM, "", time.time())
        print(f"{_named(finding)}: no false alarm any more, the bar is what it was before")
        return
    finding = deciding.decide(journal, arguments.id, Action.FALSE_ALARM, FALSE_ALARM, time.time())
    print(f"{_named(finding)}: called a false alarm; {_consequence(finding)}")


def _named(finding: Finding) -> str:
    return f"{finding.id} ({finding.fault})"


def _consequence(finding: Finding) -> str:
    signals = sorted({evidence.signal for evidence in finding.evidence if evidence.signal})
    if not signals:
        return "it rests on no signal, so there is no bar to raise"
    return f"the bar on {', '.join(signals)} of this run is raised, --undo takes it back"
