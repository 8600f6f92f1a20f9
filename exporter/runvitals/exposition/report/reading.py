"""What the report shows of one value."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """A value, and what was known when it came; None where there was no answer.

    `band` is the range that the window before it would expect, in the signal's unit; `next_step` and `hazard` are the
    explosion probabilities of horizon 1 and 50, of gradient norms only.
    """

    value: float
    band: tuple[float, float] | None = None
    anomaly: float | None = None
    alert: float | None = None
    next_step: float | None = None
    hazard: float | None = None
