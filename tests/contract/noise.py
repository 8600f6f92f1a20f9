"""Noise without end: `python -m tests.contract.noise [ROWS] [NAME...]` from the repository root.

Every detector by name, or those named, is shown so many rows of its healthy run (10 million by default: some hours),
one in a hundred of them hostile in one of the ways of the contract, and then its anomaly. Printed are what a row costs,
the largest size of the detector's state and of its series in the first tenth of the rows (at least until each hostile
kind has come once) and in all, how often it fired on rows that were neither hostile nor within half a stretch after
such, how many rows the anomaly took to be seen, beside how many it takes on a clean run, and the memory of the process.
It exits with 1 where a state has grown by more than a tenth and a kilobyte, and with a traceback where something was
not finite.

A loss that has not fallen for millions of rows is a plateau, and one that never fell is not learning: these two fire
all along, and their anomaly has no beginning that could be seen.
"""

from __future__ import annotations

import itertools
import resource
import sys
import time

from tests.contract.anomalies import ROWS, STORIES
from tests.contract.hostile_streams import VALUES, Log
from tests.contract.observed import NAMES, Observed

DEFAULT = 10_000_000
STRETCH = 100 * ROWS
"""Rows of which the last `ROWS` are hostile."""


def main(rows: int, names: list[str]) -> int:
    """Print a line a detector."""
    has_grown = False
    sizes = f"{'state, bytes':>16}{'series, bytes':>18}"
    print(f"{'':<28}{'us a row':>9}{sizes}{'fired':>8}{'delay':>7}{'clean':>7}{'MiB':>6}")
    for name in names:
        early, late, line = _line(name, rows)
        has_grown = has_grown or late > 1.1 * early + 1024
        print(line, flush=True)
    return 1 if has_grown else 0


def _line(name: str, rows: int) -> tuple[int, int, str]:
    log, observed = Log(STORIES[name]), Observed(name)
    began, fired, kinds = time.process_time(), 0, itertools.cycle(VALUES)
    early = late = (0, 0)
    for at in range(0, rows, STRETCH):
        fired += _show(log, observed, next(kinds))
        late = max(late[0], observed.state_bytes), max(late[1], observed.series_bytes)
        if at < max(rows // 10, len(VALUES) * STRETCH):
            early = late
    cost = (time.process_time() - began) / rows * 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    delay, clean = _delay(log, observed), _clean(name)
    sizes = f"{early[0]:>8}{late[0]:>8}{early[1]:>9}{late[1]:>9}"
    line = f"{name:<28}{cost:>9.1f}{sizes}{fired:>8}{delay:>7}{clean:>7}{memory:>6}"
    return sum(early), sum(late), line


def _show(log: Log, observed: Observed, kind: str) -> int:
    """Show it a stretch, hostile at its end; return how often it fired in the second half of its healthy rows."""
    half = (STRETCH - ROWS) // 2
    observed.show(log.healthy(half))
    before = observed.firings
    observed.show(log.healthy(half))
    fired = observed.firings - before
    observed.show(log.hostile(kind))
    return fired


def _delay(log: Log, observed: Observed) -> str:
    """Return how many rows the anomaly takes to be seen after a healthy stretch."""
    observed.show(log.healthy(STRETCH))
    return next((str(row) for row, items in enumerate(log.anomaly()) if observed.show(items)), "never")


def _clean(name: str) -> str:
    return _delay(Log(STORIES[name]), Observed(name))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT, sys.argv[2:] or NAMES))
