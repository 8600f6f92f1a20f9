"""The step a record belongs to."""

from __future__ import annotations

from typing import Any

from runvitals.client.ring_format import NO_STEP
from runvitals.client.ring_writer import RingWriter
from runvitals.client.scalars import to_float

LARGEST_STEP = (1 << 63) - 1


class StepTaker:
    """Takes the steps a user gives, and counts them for one who never gives any. `newest` is NO_STEP at first."""

    __slots__ = ("_counted", "_opener", "_writer", "newest")

    def __init__(self, writer: RingWriter) -> None:
        self._writer = writer
        self._opener: object = None
        self._counted = NO_STEP
        self.newest = NO_STEP

    def take(self, step: Any) -> int:
        """Return the step as an integer; what is none is counted, and NO_STEP returned."""
        try:
            at = _to_step(step)
        except Exception:  # noqa: BLE001 - whatever the user's object raises
            at = NO_STEP
        if at == NO_STEP:
            self._writer.skipped("bad_step")
        else:
            self.newest = at
        return at

    def implied(self, call: object) -> int:
        """Return the step of a call that gave none; equal calls log the same names of the same layer.

        The newest step that was given holds. Where none ever was, the call that began a step, made again, begins the
        next.
        """
        if self.newest != self._counted:
            return self.newest
        if self._opener is None or self._opener == call:
            self._opener = call
            self._counted += 1
        self.newest = self._counted
        return self._counted


def _to_step(value: Any) -> int:
    number = value if isinstance(value, int) else to_float(value)
    if isinstance(number, str) or int(number) != number:
        return NO_STEP
    return int(number) if 0 <= number <= LARGEST_STEP else NO_STEP
