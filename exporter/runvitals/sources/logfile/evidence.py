"""Lines that are evidence of what ended or disturbed a run.

Only the sentence that was looked for is passed on, cut to what an SMS carries: the rest of a line may hold paths, host
names and secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from runvitals.sources.logfile.row import Clue
from runvitals.values import EventKind

MAX_TEXT = 120
_MAX_TRACEBACK_LINES = 5000
_MAX_TRACEBACKS = 64


class _Sign(NamedTuple):
    kind: EventKind
    pattern: re.Pattern[str]


def _sign(kind: EventKind, pattern: str) -> _Sign:
    return _Sign(kind, re.compile(pattern))


_SIGNS = (
    _sign(
        EventKind.OUT_OF_MEMORY,
        r"(?:CUDA|HIP|XPU|MPS backend) (?:error: )?out of memory(?:\. Tried to allocate [\d.]+ [KMGT]iB)?"
        r"|RESOURCE_EXHAUSTED: (?:Out of memory|OOM)(?: while trying to allocate [\d.]+ ?\w{0,5})?"
        r"|CUBLAS_STATUS_ALLOC_FAILED|DefaultCPUAllocator: (?:can't allocate|not enough) memory",
    ),
    _sign(
        EventKind.COLLECTIVE_TIMEOUT,
        r"Watchdog caught collective operation timeout(?:: WorkNCCL\(SeqNum=\d+, OpType=\w{1,30})?"
        r"|(?:Some )?NCCL operations have failed or timed out|NCCL (?:\w{1,20} )?(?:timed out|timeout(?=[.!,;]|\s*\Z))"
        r"|Timed out waiting \d+ ?ms for (?:recv|send) operation"
        r"|(?:collective|barrier|[Aa]ll_?reduce) (?:operation )?timed out|Heartbeat monitor timed out",
    ),
    _sign(EventKind.XID, r"Xid \((?P<gpu>[\w:.]{1,40})\): (?P<xid>\d{1,5})\b"),
    _sign(
        EventKind.KILLED,
        r"\A\s*Killed\s*\Z|oom-kill\b|[Oo]ut of memory: Killed process \d+|Killed process \d+|oom_kill event"
        r"|exitcode\s*: -9\b|(?:[Ss]ignal|[Ss]ignals\.)[ :]?(?:9\b ?\(?)?SIGKILL\)?|\(SIGKILL\)"
        r"|CANCELLED AT [\dT:-]{1,20} DUE TO [A-Z ]{1,30}",
    ),
    _sign(
        EventKind.LOSS_SCALE_OVERFLOW,
        r"OVERFLOW! Rank (?P<rank>\d{1,6}) Skipping step\. Attempted loss scale: [\d.e+]{1,20}"
        r"(?:, reducing to [\d.e+]{1,20})?|Gradient overflow\.\s+Skipping step",
    ),
)
WORDS = (
    *("emory", "EXHAUSTED", "ALLOC_FAILED", "imed out", "imeout", "Xid", "Killed", "oom", "SIGKILL", "exitcode"),
    *("CANCELLED", "OVERFLOW", "overflow"),
)
"""Each sign needs one of these, and most lines have none."""

_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"((?:[A-Za-z_]\w{0,80}\.){0,8}[A-Za-z_]\w{0,80})(?::|\Z)")
_QUIET = frozenset({"KeyboardInterrupt", "SystemExit", "GeneratorExit"})


def signs_in(line: str, words: Iterable[str] = WORDS) -> list[Clue]:
    """Return what a line is evidence of; `words` are those of WORDS that it may have."""
    for word in words:
        if word in line:
            return _signs_in(line)
    return []


def _signs_in(line: str) -> list[Clue]:
    found = ((sign, sign.pattern.search(line)) for sign in _SIGNS)
    return [_clue(sign.kind, match) for sign, match in found if match]


def _clue(kind: EventKind, match: re.Match[str]) -> Clue:
    fields = {name: text for name, text in match.groupdict().items() if text}
    rank = str(int(fields.pop("rank", "-1")))
    return Clue(kind, brief(match[0]), fields, rank="" if rank == "-1" else rank)


def brief(text: str) -> str:
    """Return the text on one line, printable, no longer than `MAX_TEXT`."""
    text = " ".join("".join(one if one.isprintable() else " " for one in text[: 4 * MAX_TEXT]).split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


class Tracebacks(msgspec.Struct):
    """Follows tracebacks to the type of their exception, each rank's by itself: their lines are mixed in one log.

    `open` holds, by rank, how many lines of a traceback have been seen.
    """

    open: dict[str, int] = {}

    def line(self, rank: str, line: str) -> Clue | None:
        """Take in a line of a rank (empty: it names none); return the evidence where a traceback ends with it."""
        if _TRACEBACK in line:
            if len(self.open) < _MAX_TRACEBACKS or rank in self.open:
                self.open[rank] = 1
            return None
        if rank not in self.open or not line or line[0].isspace() or line[0] in "|+":
            self._lengthen(rank)
            return None
        del self.open[rank]
        match = _EXCEPTION.match(line)
        name = match[1].rpartition(".")[2] if match else ""
        if not name or name in _QUIET:
            return None
        return Clue(EventKind.TRACEBACK, f"a traceback that ends in {name}", {"exception": name})

    def _lengthen(self, rank: str) -> None:
        if rank in self.open:
            self.open[rank] += 1
            if self.open[rank] > _MAX_TRACEBACK_LINES:
                del self.open[rank]
