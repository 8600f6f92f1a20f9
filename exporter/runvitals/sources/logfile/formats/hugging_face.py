"""Hugging Face Trainer on standard output: the repr of a dict, which is no JSON (`nan`, single quotes)."""

from __future__ import annotations

import re

from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER
from runvitals.sources.logfile.row import Rejected, Row

_DICT = re.compile(r"\{('(?:loss|eval_loss|eval_[\w./-]{1,80}|train_runtime)':[^{}]{1,4000})\}")
_PAIR = re.compile(rf"'([^']{{1,100}})':\s*'?({NUMBER})'?(?=\s*(?:,|$))", re.IGNORECASE)
_SUMMARY = "'train_runtime':"


class HuggingFace:
    """The line of a logging step or an evaluation. The step is not in it."""

    name = "Hugging Face Trainer"
    words = ("{'",)

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None; a summary at the end of the training says nothing of a step."""
        match = _DICT.search(line) if "{'" in line else None
        if match is None:
            return None
        pairs = [] if _SUMMARY in match[1] else [(name, number, "") for name, number in _PAIR.findall(match[1])]
        return Row(gather(pairs, rejected))
