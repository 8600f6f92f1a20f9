"""Any other line that names a step and a signal the catalogue knows: `step 100 | loss: 2.31`, `step=100 loss=2.31`."""

from __future__ import annotations

import re

from runvitals.catalogue import signals
from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER, UNIT, to_step
from runvitals.sources.logfile.row import Rejected, Row
from runvitals.sources.logfile.units import quantity

_STEP = re.compile(r"\b(?:global[_ ]step|step|iteration|iter)\b\s*[:=#\[]?\s*(\d{1,19})(?![\d.,%])", re.IGNORECASE)
_PAIR = re.compile(
    rf"(?<![\w/.])([A-Za-z][\w/.-]{{0,60}})\s{{0,4}}[:=]\s{{0,8}}({NUMBER})({UNIT})?(?!\w)", re.IGNORECASE
)
_MAX_LINE = 4096


class KeyValue:
    """A last resort: of such a line only what the catalogue knows is taken."""

    name = "key: value or key=value"
    words = ("step", "iter")

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        match = _STEP.search(line) if len(line) <= _MAX_LINE and _names_a_step(line.lower()) else None
        if match is None:
            return None
        pairs = [pair for pair in _PAIR.findall(line) if signals.known(quantity(pair[0]).signal)]
        return Row(gather(pairs, rejected), to_step(match[1])) if pairs else None


def _names_a_step(line: str) -> bool:
    return "step" in line or "iter" in line
