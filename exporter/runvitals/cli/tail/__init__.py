"""`runvitals tail`: what is seen in a recorded or growing file, live in the terminal."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from runvitals.cli import replaying
from runvitals.cli.errors import CannotRunError
from runvitals.cli.logs import ESCAPES
from runvitals.cli.progress import Progress
from runvitals.cli.tail.growing_file import FinishedFile, GrowingFile
from runvitals.cli.tail.growing_ring import GrowingRing
from runvitals.cli.tail.lines import StepLines, change_line
from runvitals.config import Config, load
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline
from runvitals.sources.recorded import Recording, RecordingError
from runvitals.sources.ring import RING_MAGIC
from runvitals.values import Event, IncidentChange, Sample

WAIT_SECONDS = 0.25
"""Between two looks at a file that has not grown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="whatever `replay` reads, finished or growing")
    parser.add_argument("-n", "--steps", type=int, default=10, metavar="N", help="of what is there, the last N steps")
    parser.add_argument("--no-follow", action="store_true", help="end where the file ends")
    parser.add_argument("--run", help="name of the run, where the file does not say (default: the file's name)")
    replaying.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Show findings as they open and close, and the steps; wait for more until the run ends, or for ever."""
    config = load(arguments.config_file)
    try:
        with Progress(arguments.file, is_wanted=arguments.progress) as progress:
            feed = _feed(arguments, progress)
            Tail(feed, config, progress, max(0, arguments.steps)).show(is_followed=not arguments.no_follow)
    except (RecordingError, ValueError) as error:
        raise CannotRunError(str(error)) from error
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise CannotRunError(f"{error.filename or arguments.file}: {error.strerror}") from error
    return 0


Feed = FinishedFile | GrowingFile | GrowingRing


class Tail:
    """What comes of one file, through a pipeline of its own, on standard output."""

    def __init__(self, feed: Feed, config: Config, progress: Progress, steps: int) -> None:
        self._feed, self._config, self._progress = feed, config, progress
        self._changes: list[IncidentChange] = []
        self._pipeline: Pipeline | None = None
        self._lines = StepLines(steps)
        self._has_clock = True

    def show(self, *, is_followed: bool) -> None:
        """Print what there is and, where it is followed, what comes."""
        for item in self._feed:
            if item is not None:
                self._take(item)
                continue
            self._progress.end()
            self._say_all(self._lines.caught_up())
            if not is_followed:
                break
            time.sleep(WAIT_SECONDS)
            self._let_time_pass()
        self._progress.end()
        self._say_all(self._lines.caught_up())

    def _take(self, item: Sample | Event) -> None:
        if self._pipeline is None:
            self._pipeline = self._build()
        self._pipeline.observe([item], replaying.SOURCE)
        if isinstance(item, Sample):
            self._say_all(self._lines.take(item, self._pipeline.series_of(item)))
        self._say_changes()

    def _let_time_pass(self) -> None:
        if self._pipeline is None or not self._feed.is_live:
            return
        if not self._has_clock:  # from now on what comes is seen as it comes
            self._pipeline.reconfigure(self._config.series, self._config.ranks, resolve(self._config.faults))
            self._has_clock = True
        self._pipeline.advance(time.time())
        self._say_changes()

    def _build(self) -> Pipeline:
        table = resolve(self._config.faults)
        self._has_clock = self._feed.has_times
        if not self._has_clock:
            table = replaying.without_clock(table)
        return Pipeline(self._config.series, self._config.ranks, table, self._changes.append)

    def _say_changes(self) -> None:
        changes, self._changes[:] = list(self._changes), []
        self._say_all([line for change in changes if (line := change_line(change))])

    def _say_all(self, lines: list[str]) -> None:
        if lines:
            self._progress.end()
        for line in lines:
            print(line.translate(ESCAPES), flush=True)


def _feed(arguments: argparse.Namespace, progress: Progress) -> Feed:
    with arguments.file.open("rb") as file:
        start = file.read(len(RING_MAGIC))
    if start == RING_MAGIC:
        return GrowingRing(arguments.file)
    if arguments.no_follow:
        return FinishedFile(Recording(arguments.file, arguments.run, arguments.step_seconds, progress.show))
    return GrowingFile(arguments.file, arguments.run, progress.show)
