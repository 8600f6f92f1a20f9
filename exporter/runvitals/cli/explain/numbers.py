"""Numbers as a person reads them."""

from __future__ import annotations


def number(value: float | None) -> str:
    """Return four digits of a number; what is not known is said."""
    return "unknown" if value is None else f"{value:.4g}"


def span(low: float | None, high: float | None, unit: str = "") -> str:
    """Return a range; an end that is not known is left open."""
    if low is None and high is None:
        return "-"
    if low is None:
        return f"up to {number(high)}{unit}"
    if high is None:
        return f"from {number(low)}{unit}"
    return f"{number(low)} to {number(high)}{unit}"
