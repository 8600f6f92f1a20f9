"""`runvitals replay`: recorded data through the same pipeline as live data."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from runvitals.cli import replaying
from runvitals.cli.errors import CannotRunError
from runvitals.cli.incidents.words import when
from runvitals.cli.logs import ESCAPES
from runvitals.cli.progress import Progress
from runvitals.cli.replaying import SOURCE, Replay
from runvitals.cli.report import MAX_PANELS, Watcher
from runvitals.cli.scores import Scores
from runvitals.config import Config, fingerprint, load
from runvitals.exposition.findings_json import findings_json
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.report.page import Facts, Section, report_page
from runvitals.exposition.report.recorder import Recorder
from runvitals.pipeline.pipeline import Pipeline
from runvitals.sources.recorded import Recording, RecordingError
from runvitals.values import Event, EvidenceRole, Finding, Sample

Watch = Callable[[Pipeline, Sample | Event], None]
"""Is shown each item once the pipeline has taken it in."""

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="ring files and what trainers write")
    parser.add_argument("--run", help="name of the run, where a file does not say (default: the file's name)")
    parser.add_argument("--scores", type=Path, metavar="OUT.csv", help="write a row for each observation")
    parser.add_argument("--findings", type=Path, metavar="OUT.json", help="write the findings")
    parser.add_argument("--report", type=Path, metavar="OUT.html", help="draw signals, scores and findings")
    replaying.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Replay file after file, each through a pipeline of its own, and print what was found."""
    config = load(arguments.config_file)
    _refuse_overwriting(arguments)
    try:
        sections, seconds = _replay_all(arguments, config)
        _write(arguments, sections, Facts(seconds, fingerprint(config)))
    except RecordingError as error:
        raise CannotRunError(str(error)) from error
    except BrokenPipeError:
        raise  # whoever read our output has left
    except OSError as error:
        raise CannotRunError(f"{error.filename}: {error.strerror}") from error
    return 0


def _replay_all(arguments: argparse.Namespace, config: Config) -> tuple[list[Section], float]:
    """Return what was found in each file, and the seconds that it took."""
    sections, start = [], time.perf_counter()
    with ExitStack() as stack:
        scores = [_open_scores(stack, arguments.scores)] if arguments.scores else []
        for path in arguments.files:
            report = Watcher(max(1, MAX_PANELS // len(arguments.files)))
            with Progress(path, is_wanted=arguments.progress) as progress:
                recording = Recording(path, arguments.run, arguments.step_seconds, progress.show)
                replay = Replay(recording, config)
                findings = _replay(replay, [*scores, *([report.watch] if arguments.report else [])])
            _print(replay.recording, findings)
            sections.append(_section(replay.recording, report.recorder, findings))
    return sections, time.perf_counter() - start


def _replay(replay: Replay, watchers: Sequence[Watch]) -> list[Finding]:
    pipeline: Pipeline | None = None
    for pipeline, item in replay:
        pipeline.observe([item], SOURCE)
        for watch in watchers:
            watch(pipeline, item)
    findings = list(pipeline.findings()) if pipeline else []
    return sorted(findings, key=lambda finding: (finding.opened_time, finding.fault))


def _section(recording: Recording, recorder: Recorder, findings: list[Finding]) -> Section:
    return Section(str(recording.path), recording.samples, recording.rejected, recording.has_times, recorder, findings)


def _write(arguments: argparse.Namespace, sections: list[Section], facts: Facts) -> None:
    if arguments.findings:
        found = [finding for section in sections for finding in section.findings]
        arguments.findings.write_bytes(findings_json(found, LogOnce(_log)))
    if arguments.report:
        arguments.report.write_text(report_page(sections, facts), encoding="utf-8")


def _open_scores(stack: ExitStack, path: Path) -> Watch:
    return Scores(stack.enter_context(path.open("w", encoding="utf-8", newline=""))).write


def _print(recording: Recording, findings: list[Finding]) -> None:
    print(f"{recording.path}: {recording.samples} samples, {len(findings)} findings")
    for reason, count in sorted(recording.rejected.items()):
        print(f"  {count} values skipped: {reason}")
    names = {finding.id: f"{finding.fault} on rank {finding.rank}" for finding in findings}
    for finding in findings:
        opened, closed = _place(recording, finding.opened_step, finding.opened_time), "still open"
        if finding.closed_time is not None:
            closed = (
                f"closed at {_place(recording, finding.closed_step, finding.closed_time)} ({finding.closed_reason})"
            )
        _say(f"  {finding.fault} ({finding.severity}) on {finding.run} rank {finding.rank}: {opened}, {closed}")
        for one in finding.evidence:
            if one is finding.evidence[0] or one.role is not EvidenceRole.OBSERVATION:
                _say(f"    {one.sentence}")
        if finding.cause:
            _say(f"    follows from {names.get(finding.cause, finding.cause)}")


def _place(recording: Recording, step: int | None, time: float) -> str:
    moment = when(time) if recording.has_times else f"{time:.3f} s from the beginning"
    return moment if step is None else f"step {step}, {moment}"


def _say(line: str) -> None:
    """Print a line that may hold foreign names."""
    print(line.translate(ESCAPES))


def _refuse_overwriting(arguments: argparse.Namespace) -> None:
    for out in (arguments.scores, arguments.findings, arguments.report):
        if out and out.exists() and any(path.exists() and out.samefile(path) for path in arguments.files):
            raise CannotRunError(f"{out} is to be read: name another file to write to")
