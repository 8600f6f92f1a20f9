"""llm.c: `s:1 trl:10.9598 lr:0.000002 norm:15.24` in its main.log, and its lines on standard output."""

from __future__ import annotations

import re

from runvitals.catalogue import signals
from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER, to_step
from runvitals.sources.logfile.row import Rejected, Row

_LOG = re.compile(r"\s*s:(\d+) (?=(?:trl|tel|eval):)")
_PAIR = re.compile(rf"\b(trl|tel|eval|lr|norm):({NUMBER})", re.IGNORECASE)
_STDOUT = re.compile(r"\bstep\s+(\d+)/\d+ \| (?:train )?loss ", re.IGNORECASE)
_FIELDS = (
    (signals.LOSS.name, "", re.compile(rf"\bloss ({NUMBER})", re.IGNORECASE)),
    (signals.GRAD_NORM.name, "", re.compile(rf"\bnorm ({NUMBER})", re.IGNORECASE)),
    (signals.LEARNING_RATE.name, "", re.compile(rf"\blr ({NUMBER})", re.IGNORECASE)),
    (signals.STEP_SECONDS.name, "ms", re.compile(rf"({NUMBER}) ms\b", re.IGNORECASE)),
    (signals.MFU.name, "%", re.compile(rf"({NUMBER})% (?:\w+ )?MFU", re.IGNORECASE)),
    (signals.TOKENS_PER_SECOND.name, "", re.compile(rf"({NUMBER}) tok/s", re.IGNORECASE)),
)
_NAMES = {
    "trl": signals.LOSS.name,
    "tel": signals.EVAL_LOSS.name,
    "eval": signals.EVAL_ACCURACY.name,
    "lr": signals.LEARNING_RATE.name,
    "norm": signals.GRAD_NORM.name,
}


class LlmC:
    """Both kinds of lines."""

    name = "llm.c"
    words = ("s:", "step")

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        match = _LOG.match(line) if "s:" in line else None
        if match:
            pairs = [(_NAMES[name.lower()], number, "") for name, number in _PAIR.findall(line, match.end())]
            return Row(gather(pairs, rejected), to_step(match[1]))
        match = _STDOUT.search(line) if "| " in line else None
        if match is None:
            return None
        found = [(name, pattern.search(line), unit) for name, unit, pattern in _FIELDS]
        return Row(gather(((name, hit[1], unit) for name, hit, unit in found if hit), rejected), to_step(match[1]))
