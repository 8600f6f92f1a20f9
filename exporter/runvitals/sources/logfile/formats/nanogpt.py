"""nanoGPT: `iter 10: loss 3.2202, time 893.76ms, mfu 16.68%` and `step 250: train loss 2.1, val loss 2.2`."""

from __future__ import annotations

import re

from runvitals.catalogue import signals
from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER, to_step
from runvitals.sources.logfile.row import Rejected, Row

_ITER = re.compile(
    rf"\biter (\d+): loss ({NUMBER}), time ({NUMBER})ms(?:, mfu ({NUMBER})%)?",
    re.IGNORECASE,
)
_STEP = re.compile(rf"\bstep (\d+): train loss ({NUMBER}), val loss ({NUMBER})", re.IGNORECASE)


class NanoGpt:
    """Lines of iterations and of evaluations.

    An evaluation's train loss is an estimate over many batches, another quantity than the loss of the step. The first
    iterations have `mfu -100.00%` for unknown.
    """

    name = "nanoGPT"
    words = ("loss",)

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        if "loss" not in line:
            return None
        match = _ITER.search(line)
        if match:
            pairs = [(signals.LOSS.name, match[2], ""), (signals.STEP_SECONDS.name, match[3], "ms")]
            if match[4]:
                pairs.append((signals.MFU.name, match[4], "%"))
            return Row(gather(pairs, rejected), to_step(match[1]))
        match = _STEP.search(line)
        if match is None:
            return None
        pairs = [("train_loss_estimate", match[2], ""), (signals.EVAL_LOSS.name, match[3], "")]
        return Row(gather(pairs, rejected), to_step(match[1]))
