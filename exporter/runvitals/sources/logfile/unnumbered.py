"""Steps for lines that name none, such as Hugging Face's Trainer's: the progress bar's, else the lines counted."""

from __future__ import annotations

import re

import msgspec

from runvitals.catalogue import signals
from runvitals.sources.logfile.numbers import to_step
from runvitals.sources.logfile.row import Row

_BAR = re.compile(r"\s*\d{1,3}%\|[^|]{0,300}\| (\d{1,18})/(\d{1,18}) \[[^\]]{0,60}(?:it/s|s/it)")


class UnnumberedSteps(msgspec.Struct):
    """Numbers the lines of a log that have a loss and no step.

    The trainer's tqdm bar counts its steps, and stands in the same log where both streams go there: `bar` is what it
    showed last, of `total`. The first such line tells whether there is one; if not, `count` numbers the lines, from
    where reading began. With a bar, a line that it does not number has no step: a bar of another length is that of an
    evaluation. A line of an evaluation belongs to the step of the line before.
    """

    step: int | None = None
    count: int | None = None
    total: str = ""
    bar: tuple[int, str] | None = None

    def see(self, line: str) -> None:
        """Take in a line that may be a progress bar."""
        match = _BAR.match(line) if "%|" in line else None
        step = to_step(match[1]) if match else None
        if match and step is not None:
            self.bar = step, match[2]

    def number(self, row: Row) -> Row:
        """Return the row with its step."""
        if signals.LOSS.name in row.values:
            self._advance()
        return row._replace(step=self.step)

    def _advance(self) -> None:
        if self.count is None and not self.total and self.bar:
            self.total = self.bar[1]
        if self.total:
            self.step = self.bar[0] if self.bar and self.bar[1] == self.total else None
            self.bar = None
        else:
            self.step = self.count = (self.count or 0) + 1
