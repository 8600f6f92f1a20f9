"""Findings and events as marks over every part of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from runvitals.exposition.html import text
from runvitals.values import Event, Finding

_APART = 2.0  # per cent of the width between two labels
_NAME_APART = 16.0  # a name needs more room
SEVERITIES = frozenset({"critical", "warning", "info"})

Scale = Callable[[float], float]
"""From a place on the axis to per cent of the width."""


class NumberedFinding(NamedTuple):
    """A finding and its number in the table."""

    number: int
    finding: Finding


class PlacedEvent(NamedTuple):
    """An event and the step at which it stands; None where none is known."""

    event: Event
    step: int | None


def finding_marks(
    findings: Iterable[NumberedFinding], percent: Scale, height: float, *, has_steps: bool
) -> Iterator[str]:
    """Yield a shaded stretch for each finding from opening to closing, and its number and name above."""
    last = -100.0
    for number, finding in sorted(findings, key=lambda one: one.finding.opened_time):
        opened = _place(finding.opened_step, finding.opened_time, has_steps=has_steps)
        closed = _place(finding.closed_step, finding.closed_time, has_steps=has_steps)
        if opened is None:
            continue
        start, end = percent(opened), percent(closed) if closed is not None else 100.0
        kind = finding.severity if finding.severity in SEVERITIES else "info"
        title = text(f"#{number} {finding.fault} ({finding.severity}): {_first_sentence(finding)}")
        yield (
            f'<g class="mark {kind}"><title>{title}</title>'
            f'<rect x="{start:.2f}%" y="16" width="{max(end - start, 0.0):.2f}%" height="{height - 16:g}"/>'
            f'<line x1="{start:.2f}%" x2="{start:.2f}%" y1="16" y2="{height:g}"/>'
        )
        if start - last >= _APART:
            yield _label(number, finding.fault, start, is_named=start - last >= _NAME_APART)
            last = start
        yield "</g>"


def event_marks(events: Iterable[PlacedEvent], percent: Scale, height: float, *, has_steps: bool) -> Iterator[str]:
    """Yield a dashed line for each event."""
    for event, step in events:
        place = _place(step, event.time, has_steps=has_steps)
        if place is None:
            continue
        x = percent(place)
        title = text(f"{event.kind.value} {event.text}".strip())
        yield (
            f'<g class="event"><title>{title}</title><line x1="{x:.2f}%" x2="{x:.2f}%" y1="16" y2="{height:g}"/></g>'
        )


def _place(step: int | None, time: float | None, *, has_steps: bool) -> float | None:
    return step if has_steps else time


def _first_sentence(finding: Finding) -> str:
    return finding.evidence[0].sentence if finding.evidence else ""


def _label(number: int, name: str, x: float, *, is_named: bool) -> str:
    """Return the label; where it would run out of the picture it ends at its mark."""
    anchor = ' text-anchor="end"' if x > 100.0 - _NAME_APART else ""
    shown = f' <tspan class="name">{text(name)}</tspan>' if is_named else ""
    return f'<text x="{x:.2f}%" y="12"{anchor}>{number}{shown}</text>'
