"""Findings and events as marks over every part of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from runvitals.exposition.html import SEVERITIES, text
from runvitals.values import Event, Finding

_APART = 2.0  # per cent of the width between two labels
_NAME_APART = 16.0  # a name needs more room

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
    placed = []
    for one in sorted(findings, key=lambda one: one.finding.opened_time):
        opened = _place(one.finding.opened_step, one.finding.opened_time, has_steps=has_steps)
        if opened is not None:
            placed.append((percent(opened), one))
    labels = _labels(placed)
    for (start, one), label in zip(placed, labels, strict=True):
        closed = _place(one.finding.closed_step, one.finding.closed_time, has_steps=has_steps)
        yield _stretch(one, start, 100.0 if closed is None else percent(closed), height, label)


def _stretch(one: NumberedFinding, start: float, end: float, height: float, label: str) -> str:
    finding = one.finding
    kind = finding.severity if finding.severity in SEVERITIES else "info"
    title = text(f"#{one.number} {finding.fault} ({finding.severity}): {_first_sentence(finding)}")
    return (
        f'<g class="mark {kind}"><title>{title}</title>'
        f'<rect x="{start:.2f}%" y="16" width="{max(end - start, 0.0):.2f}%" height="{height - 16:g}"/>'
        f'<line x1="{start:.2f}%" x2="{start:.2f}%" y1="16" y2="{height:g}"/>{label}</g>'
    )


def _labels(placed: Sequence[tuple[float, NumberedFinding]]) -> list[str]:
    """Return the label of each mark, from left to right: none where it would stand on another, a name where it fits."""
    labels = []
    last = -100.0
    for index, (x, one) in enumerate(placed):
        following = placed[index + 1][0] if index + 1 < len(placed) else 200.0
        is_named = x - last >= _NAME_APART if _ends_at(x) else following - x >= _NAME_APART
        labels.append(_label(one.number, one.finding.fault, x, is_named=is_named) if x - last >= _APART else "")
        last = x if labels[-1] else last
    return labels


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
    anchor = ' text-anchor="end"' if _ends_at(x) else ""
    shown = f' <tspan class="name">{text(name)}</tspan>' if is_named else ""
    return f'<text x="{x:.2f}%" y="12"{anchor}>{number}{shown}</text>'


def _ends_at(x: float) -> bool:
    """Return whether a label ends at its mark, since it would run out of the picture."""
    return x > 100.0 - _NAME_APART
