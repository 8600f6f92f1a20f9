"""torchtitan: `step: 14  loss:  3.24405  grad_norm:  0.8319  memory:  9.46GiB(64.99%)  tps: 7,282  mfu: 0.17%`."""

from __future__ import annotations

import re

from runvitals.catalogue import signals
from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER, UNIT, to_step
from runvitals.sources.logfile.row import Rejected, Row

_STEP = re.compile(r"\bstep:\s*(\d+)\s+loss:")
_PAIR = re.compile(rf"\b([a-z_]+):\s*({NUMBER})({UNIT})?", re.IGNORECASE)
_SHARE = re.compile(rf"\bmemory:\s*{NUMBER}GiB\(({NUMBER})%\)", re.IGNORECASE)
_NAMES = {"memory": signals.PEAK_MEMORY.name}


class Torchtitan:
    """The line of a step; its memory is the most that was reserved."""

    name = "torchtitan"
    words = ("memory:",)

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        match = _STEP.search(line) if "memory:" in line else None
        if match is None:
            return None
        found = _PAIR.findall(line, match.start())
        pairs = [(_NAMES.get(name, name), number, unit) for name, number, unit in found if name != "step"]
        share = _SHARE.search(line)
        if share:
            pairs.append((signals.PEAK_MEMORY_UTILIZATION.name, share[1], "%"))
        return Row(gather(pairs, rejected), to_step(match[1]))
