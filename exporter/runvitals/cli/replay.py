"""`runvitals replay`: recorded data through the same pipeline as live data."""

from __future__ import annotations

import argparse
import csv
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from runvitals.catalogue import faults
from runvitals.cli.errors import CannotRunError
from runvitals.cli.logs import ESCAPES
from runvitals.config import Config, load
from runvitals.diagnosis.settings import FaultTable, resolve
from runvitals.exposition.findings_json import findings_json
from runvitals.exposition.log_once import LogOnce
from runvitals.pipeline.pipeline import Pipeline
from runvitals.sources.recorded import Recording, RecordingError
from runvitals.values import Finding, Sample

_log = logging.getLogger(__name__)

SCORE_COLUMNS = [
    "time",
    "step",
    "run",
    "rank",
    "signal",
    "layer",
    "value",
    "zscore",
    "robust_zscore",
    "anomaly_score",
    "alert_score",
    "explosion_probability",
    "faults",
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="ring files, CSV or JSON lines")
    parser.add_argument("--config.file", dest="config_file", type=Path, metavar="FILE", help="the config (YAML)")
    parser.add_argument("--run", help="name of the run, where a file does not say (default: the file's name)")
    parser.add_argument(
        "--step-seconds",
        type=_positive,
        default=1.0,
        metavar="S",
        help="seconds from row to row where a file holds no times; what depends on the clock is off then (default 1)",
    )
    parser.add_argument("--scores", type=Path, metavar="OUT.csv", help="write a row for each observation")
    parser.add_argument("--findings", type=Path, metavar="OUT.json", help="write the findings")


def main(arguments: argparse.Namespace) -> int:
    """Replay file after file, each through a pipeline of its own, and print what was found."""
    config = load(arguments.config_file)
    found: list[Finding] = []
    _refuse_overwriting(arguments)
    try:
        with ExitStack() as stack:
            scores = _open_scores(stack, arguments.scores)
            for path in arguments.files:
                recording = Recording(path, arguments.run, arguments.step_seconds)
                findings = _replay(recording, config, scores)
                _print(recording, findings)
                found += findings
        if arguments.findings:
            arguments.findings.write_bytes(findings_json(found, LogOnce(_log)))
    except RecordingError as error:
        raise CannotRunError(str(error)) from error
    except OSError as error:
        raise CannotRunError(f"{error.filename}: {error.strerror}") from error
    return 0


def _replay(recording: Recording, config: Config, scores: _Scores | None) -> list[Finding]:
    table = resolve(config.faults)
    pipeline: Pipeline | None = None
    for item in recording:
        if pipeline is None:  # whether there are times is known once the first row has been read
            pipeline = Pipeline(config.series, config.ranks, table if recording.has_times else _without_clock(table))
        pipeline.observe([item], "replay")
        if scores is not None and isinstance(item, Sample):
            scores.write(pipeline, item)
    findings = list(pipeline.findings()) if pipeline else []
    return sorted(findings, key=lambda finding: (finding.opened_time, finding.fault))


def _without_clock(table: FaultTable) -> FaultTable:
    return table._replace(disabled=table.disabled | {faults.HANG.name})


class _Scores:
    """The table of `--scores`: a row for each observation. What is unknown is an empty cell."""

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(SCORE_COLUMNS)

    def write(self, pipeline: Pipeline, sample: Sample) -> None:
        series, rank = pipeline.series_of(sample), pipeline.rank_of(sample)
        if series is None or rank is None:
            return  # over a limit on series, and counted there
        # A late sample was not scored; one that is there twice has the score of the first.
        scored = (series.step, series.value) == (sample.step, sample.value)
        self._rows.writerow(
            (
                sample.time,
                sample.step,
                sample.run,
                sample.rank,
                sample.signal,
                sample.layer,
                sample.value,
                series.zscore if scored else None,
                series.baseline.robust_zscore if scored else None,
                series.anomaly.score if scored else None,
                series.alert_score if scored else None,
                rank.explosion_probability,
                " ".join(sorted(rank.diagnosis.open)),
            )
        )


def _open_scores(stack: ExitStack, path: Path | None) -> _Scores | None:
    return _Scores(stack.enter_context(path.open("w", encoding="utf-8", newline=""))) if path else None


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


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"must be above 0 seconds, not {text}")
    return value
