"""What a soak is judged by."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from runvitals.sinks.journal import FILE_NAME
from runvitals.sinks.reading import reading

FLAT = 0.02
"""Of its median: what resident memory may grow by over the time that is judged."""
WARM_UP = 0.25
"""Of the longest life: what is not judged, while windows and tables fill."""
_MOST_POINTS = 200


class Check(NamedTuple):
    """One line of the verdict."""

    name: str
    passed: bool
    figures: str


def growth(memory: Sequence[tuple[float, float]]) -> float:
    """Return by what share of its median memory (seconds, bytes) grew after the warm-up, by its slope over time.

    The slope is the median of those between all pairs of readings (Theil, 1950; Sen, 1968): a reading taken while a
    batch was in memory does not move it, as a difference of two readings or a mean would.
    """
    first, last = memory[0][0], memory[-1][0]
    judged = [one for one in memory if one[0] >= first + WARM_UP * (last - first)]
    points = judged[:: len(judged) // _MOST_POINTS + 1]
    slopes = [(later[1] - one[1]) / (later[0] - one[0]) for one, later in combinations(points, 2)]
    return statistics.median(slopes) * (points[-1][0] - points[0][0]) / statistics.median(size for _, size in points)


def write_memory(file: Path, memory: Sequence[tuple[float, float]]) -> None:
    """Write the readings (seconds, bytes), to be looked at where they are not flat."""
    file.write_text("".join(f"{seconds:.1f},{size:.0f}\n" for seconds, size in memory))


def memory_check(memory: Sequence[tuple[float, float]]) -> Check:
    """Judge whether memory is flat; what shrinks is."""
    grown = growth(memory)
    sizes = [size / 1e6 for _, size in memory]
    figures = f"{grown:+.2%} after the warm-up of {WARM_UP:.0%}; {min(sizes):.0f} to {max(sizes):.0f} MB"
    return Check("RSS flat within 2 %", grown <= FLAT, figures)


def journalled(state: Path) -> Counter[tuple[str, str]]:
    """Return how often each fault of each run stands in the journal."""
    with reading(state / FILE_NAME) as reader:
        return Counter((one.finding.run, one.finding.fault) for one in reader.incidents())


def incident_checks(planted: Counter[tuple[str, str]], found: Counter[tuple[str, str]]) -> list[Check]:
    """Judge that what was planted stands in the journal once, and nothing else of those faults."""
    checks = []
    for fault in sorted({fault for _, fault in planted}):
        wanted, there = _of(fault, planted), _of(fault, found)
        missing, surplus = wanted - there, there - wanted
        figures = f"{wanted.total()} planted, {there.total()} in the journal"
        figures += "".join(f"; missing {dict(missing)}" if missing else "")
        figures += "".join(f"; surplus {dict(surplus)}" if surplus else "")
        checks.append(Check(f"{fault} journalled", not missing and not surplus, figures))
    return checks


def _of(fault: str, counted: Counter[tuple[str, str]]) -> Counter[str]:
    return Counter({run: count for (run, name), count in counted.items() if name == fault})
