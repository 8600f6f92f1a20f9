"""`runvitals replay`: recorded data through the same pipeline as live data."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from runvitals.cli import replaying
from runvitals.cli.errors import CannotRunError
from runvitals.cli.logs import ESCAPES
from runvitals.cli.replaying import SOURCE, Replay
from runvitals.cli.scores import Scores
from runvitals.config import load
from runvitals.exposition.findings_json import findings_json
from runvitals.exposition.log_once import LogOnce
from runvitals.pipeline.pipeline import Pipeline
from runvitals.sources.recorded import Recording, RecordingError
from runvitals.values import Finding, Sample

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="ring files, CSV or JSON lines")
    parser.add_argument("--run", help="name of the run, where a file does not say (default: the file's name)")
    parser.add_argument("--scores", type=Path, metavar="OUT.csv", help="write a row for each observation")
    parser.add_argument("--findings", type=Path, metavar="OUT.json", help="write the findings")
    replaying.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Replay file after file, each through a pipeline of its own, and print what was found."""
    config = load(arguments.config_file)
    found: list[Finding] = []
    _refuse_overwriting(arguments)
    try:
        with ExitStack() as stack:
            watchers = [_open_scores(stack, arguments.scores)] if arguments.scores else []
            for path in arguments.files:
                replay = Replay(Recording(path, arguments.run, arguments.step_seconds), config)
                findings = _replay(replay, watchers)
                _print(replay.recording, findings)
                found += findings
        if arguments.findings:
            arguments.findings.write_bytes(findings_json(found, LogOnce(_log)))
    except RecordingError as error:
        raise CannotRunError(str(error)) from error
    except OSError as error:
        raise CannotRunError(f"{error.filename}: {error.strerror}") from error
    return 0


def _replay(replay: Replay, watchers: Sequence[Callable[[Pipeline, Sample], None]]) -> list[Finding]:
    pipeline: Pipeline | None = None
    for pipeline, item in replay:
        pipeline.observe([item], SOURCE)
        if isinstance(item, Sample):
            for watch in watchers:
                watch(pipeline, item)
    findings = list(pipeline.findings()) if pipeline else []
    return sorted(findings, key=lambda finding: (finding.opened_time, finding.fault))


def _open_scores(stack: ExitStack, path: Path) -> Callable[[Pipeline, Sample], None]:
    return Scores(stack.enter_context(path.open("w", encoding="utf-8", newline=""))).write


def _print(recording: Recording, findings: list[Finding]) -> None:
    print(f"{recording.path}: {recording.samples} samples, {len(findings)} findings")
    for reason, count in sorted(recording.rejected.items()):
        print(f"  {count} values skipped: {reason}")
    for finding in findings:
        opened, closed = _place(finding.opened_step, finding.opened_time), "still open"
        if finding.closed_time is not None:
            closed = f"closed at {_place(finding.closed_step, finding.closed_time)} ({finding.closed_reason})"
        _say(f"  {finding.fault} ({finding.severity}) on {finding.run} rank {finding.rank}: {opened}, {closed}")
        if finding.evidence:
            _say(f"    {finding.evidence[0].sentence}")


def _place(step: int | None, time: float) -> str:
    return f"time {time:.3f}" if step is None else f"step {step}, time {time:.3f}"


def _say(line: str) -> None:
    """Print a line that may hold foreign names."""
    print(line.translate(ESCAPES))


def _refuse_overwriting(arguments: argparse.Namespace) -> None:
    for out in (arguments.scores, arguments.findings):
        if out and out.exists() and any(path.exists() and out.samefile(path) for path in arguments.files):
            raise CannotRunError(f"{out} is to be read: name another file to write to")
