"""fairseq with `--log-format simple`: `| epoch 030 | loss 3.736 | … | num_updates 11001 | lr 0.0006 | gnorm 0.434`."""

from __future__ import annotations

import re

from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER, UNIT, to_step
from runvitals.sources.logfile.row import Rejected, Row

_UPDATES = re.compile(r"\| num_updates (\d+) \|")
_PAIR = re.compile(rf"\| ([a-z_]{{1,40}}) ({NUMBER})({UNIT})?(?= \||\s*$)", re.IGNORECASE)
_DULL = frozenset({"epoch", "num_updates", "wall", "train_wall"})


class Fairseq:
    """The line of an epoch or of a validation, which stands without a step until `num_updates` follows it."""

    name = "fairseq"
    words = ("| epoch ",)

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        if "| epoch " not in line:
            return None
        spread = line.replace(" | ", " | | ")  # a separator that ends one pair also begins the next
        pairs = [pair for pair in _PAIR.findall(spread) if pair[0] not in _DULL]
        step = _UPDATES.search(f"{line} |")
        return Row(gather(pairs, rejected), to_step(step[1]) if step else None) if pairs else None
