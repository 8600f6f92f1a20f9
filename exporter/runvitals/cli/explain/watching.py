"""How the faults that watch a signal stand, as lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from runvitals.detectors.condition import Condition
from runvitals.exposition.numbers import number
from runvitals.pipeline.explanation import FaultExplanation
from runvitals.values import State


def fault_lines(fault: FaultExplanation, value: float) -> Iterator[str]:
    """Yield how one fault stands: its state, its statistics beside their thresholds, and the nearest threshold."""
    yield f"  {fault.fault} ({fault.severity}, {fault.category}): {_state(fault)}"
    if not fault.enabled or fault.verdict is None:
        return
    if fault.sentence:
        yield f"    {fault.sentence}"
    for group, members in groupby(fault.conditions, lambda one: one.group):
        yield from _conditions(list(members), is_choice=bool(group))
    if fault.verdict is not State.UNKNOWN:
        yield f"    {_nearest(fault, value)}"
    if fault.open_window > 1:
        yield f"    {fault.firing} of the last {fault.open_window} values fired; it opens at {fault.open_count}"


def _state(fault: FaultExplanation) -> str:
    if not fault.enabled:
        return "switched off, never opens"
    if fault.verdict is None:
        return "only learns from this signal"
    verdict = {State.OK: "does not fire", State.FIRING: "fires", State.UNKNOWN: "unknown here"}[fault.verdict]
    return f"{'OPEN' if fault.is_open else 'not open'}, {verdict}"


def _conditions(members: list[Condition], *, is_choice: bool) -> Iterator[str]:
    for one in members:
        answer = "unknown" if one.statistic is None else "above" if one.is_met else "below"
        kind = "any of" if is_choice else "needed"
        yield f"    {kind} {one.name:<22} {number(one.statistic):>10}  {answer:<8}{number(one.threshold):>10}"


def _nearest(fault: FaultExplanation, value: float) -> str:
    points = [
        f"{side} {number(point)} ({abs(point - value):.3g} away)"
        for side, point in (("below", fault.turns_below), ("above", fault.turns_above))
        if point is not None
    ]
    what = "would stop firing" if fault.verdict is State.FIRING else "would fire"
    if not points:
        return f"no finite value at this step {what.replace('would', 'would make it')}"
    return f"{what} at a value {' or '.join(points)}"
