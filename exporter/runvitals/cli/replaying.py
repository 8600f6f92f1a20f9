"""What `replay` and `explain` share: a recording, and the pipeline that takes it in as live data would be."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from runvitals.catalogue import faults
from runvitals.cli import config_arguments
from runvitals.config import Config
from runvitals.diagnosis.settings import FaultTable, resolve
from runvitals.pipeline.pipeline import Pipeline
from runvitals.sources.recorded import Recording
from runvitals.values import Event, Sample

SOURCE = "replay"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how recorded data is read."""
    config_arguments.add_config_file(parser)
    parser.add_argument(
        "--step-seconds",
        type=_positive,
        default=1.0,
        metavar="S",
        help="seconds from row to row where a file holds no times; what depends on the clock is off then (default 1)",
    )
    parser.add_argument(
        "--progress", action="store_true", help="tell how far a long file is read, also where stderr is no terminal"
    )


class Replay:
    """One recording on its way through a pipeline of its own; to be iterated once.

    Yields each item before the pipeline has seen it; `pipeline.observe([item], SOURCE)` is the caller's to call. There
    is no pipeline before the first item: whether there are times is known once the first row has been read.
    """

    def __init__(self, recording: Recording, config: Config) -> None:
        self.recording = recording
        self.table = resolve(config.faults)
        self._config = config

    def __iter__(self) -> Iterator[tuple[Pipeline, Sample | Event]]:
        pipeline: Pipeline | None = None
        for item in self.recording:
            if pipeline is None:
                pipeline = self._build()
            yield pipeline, item

    def _build(self) -> Pipeline:
        if not self.recording.has_times:
            self.table = without_clock(self.table)
        return Pipeline(self._config.series, self._config.ranks, self.table)


def without_clock(table: FaultTable) -> FaultTable:
    """Return the table without what depends on the clock, for a file that holds no times."""
    return table._replace(disabled=table.disabled | {faults.HANG.name})


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"must be above 0 seconds, not {text}")
    return value
