"""MLflow's file store: `mlruns/<experiment>/<run>/metrics/<key>`, a line `time_ms value step` for each value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from runvitals.sources.logfile.cells import to_number, to_time
from runvitals.sources.logfile.claims import Claims
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.lines import LineCutter
from runvitals.sources.logfile.numbers import to_step
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row

METRIC_LINE = re.compile(r"-?\d{1,19} \S{1,40}(?: -?\d{1,19})?\s*\Z")
FOLDER = "metrics"


class MlflowMetric(msgspec.Struct, tag="mlflow_metric"):
    """One metric of one run; the path names both. `key` means `signal`, times `factor`."""

    key: str
    signal: str = ""
    factor: float = 1.0
    cutter: LineCutter = msgspec.field(default_factory=LineCutter)

    def read(self, data: bytes, rejected: Rejected, _: Sequence[LineFormat] = ()) -> tuple[int, list[Row]]:
        """Return how many bytes are done with, and their rows."""
        consumed, lines = self.cutter.cut(data, rejected)
        rows = []
        for line in lines:
            row = self._row(line)
            if row is None:
                rejected[Reason.NOT_A_ROW, ""] += 1
            else:
                rows.append(row)
        return consumed, rows

    def claim(self, claims: Claims, run: str) -> None:
        """Find out what the key means, beside the other metrics of its run."""
        self.signal, self.factor = claims.quantity(self.key, run)

    def _row(self, line: str) -> Row | None:
        if not METRIC_LINE.match(line):
            return None
        time, value, *step = line.split()
        number = to_number(value)
        if number is None:
            return None
        if not self.signal:
            self.claim(Claims(), "")
        return Row({self.signal: number * self.factor}, to_step(step[0]) if step else None, to_time(time)[0])


def metric_key(path: PurePath) -> str:
    """Return the metric whose file this is, empty where the path is not one of the file store."""
    parts = path.parts
    if FOLDER not in parts[1:-1]:
        return ""
    at = len(parts) - 1 - parts[::-1].index(FOLDER)
    return "/".join(parts[at + 1 :])
