"""From what a user passed to `log` to the payload of a record."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

from runvitals.client.names import NameTable
from runvitals.client.ring_format import NAMES, padded
from runvitals.client.ring_writer import RingWriter
from runvitals.client.scalars import NOT_A_NUMBER, ON_A_DEVICE, is_plain, to_float
from runvitals.client.warning import warn

MAX_SCALARS = 400
"""Scalars of one record; more are written as several."""
_MAX_PLANS = 1024
_DEVICE_WARNING = (
    "a value that is not in the memory of the CPU, or not computed yet, was passed to log(); reading it would wait for "
    "the device, so it is counted and skipped. Use runvitals.training.torch.watch, or pass what .item() returned"
)


class Plan:
    """How scalars of these names and types are packed, with no need to look at each; `uses` counts how often it was."""

    __slots__ = ("count", "indices", "kinds", "names", "pack", "uses")

    def __init__(self, names: tuple[str, ...], kinds: tuple[type, ...], indices: list[int]) -> None:
        self.uses = 0
        self.names = names
        self.kinds = kinds
        self.count = len(indices)
        self.indices = padded(struct.pack(f"<{self.count}H", *indices))
        self.pack = struct.Struct(f"<{len(self.indices)}s{self.count}d").pack


class ScalarEncoder:
    """Encodes scalars, and counts those that cannot be taken. `plan` is the one that was used last."""

    __slots__ = ("_names", "_plans", "_warned", "_writer", "plan")

    def __init__(self, writer: RingWriter) -> None:
        self._writer = writer
        self._names = NameTable(writer, NAMES)
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._warned = False
        self.plan: Plan | None = None

    def encode(self, scalars: Mapping[Any, Any]) -> Iterator[tuple[int, bytes]]:
        """Yield the number of scalars and the payload of each record that takes them."""
        names, values = tuple(scalars), tuple(scalars.values())
        kinds = tuple(map(type, values))
        plan = self._plans.get(names + kinds)
        if plan is not None:
            try:
                payload = plan.pack(plan.indices, *values)
            except (OverflowError, struct.error):  # an integer too large for a float
                return self._convert(scalars)
            plan.uses += 1
            self.plan = plan
            return iter([(plan.count, payload)])
        if names and len(names) <= MAX_SCALARS and all(map(is_plain, kinds)):
            self._remember(names, kinds)
        return self._convert(scalars)

    def _remember(self, names: tuple[Any, ...], kinds: tuple[type, ...]) -> None:
        indices = [index for name in names if isinstance(index := self._names.index_of(name), int)]
        if len(indices) == len(names):
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            self._plans[names + kinds] = Plan(names, kinds, indices)

    def _convert(self, scalars: Mapping[Any, Any]) -> Iterator[tuple[int, bytes]]:
        taken = {}
        for name, value in scalars.items():
            index, number = self._names.index_of(name), self._number(value)
            if isinstance(index, int) and isinstance(number, float):
                taken[index] = number
            else:
                self._writer.skipped(str(index if isinstance(index, str) else number))
        return _records_of(taken)

    def _number(self, value: object) -> float | str:
        try:
            number = to_float(value)
        except Exception:  # noqa: BLE001 - whatever the value's own methods raise
            return NOT_A_NUMBER
        if number == ON_A_DEVICE and not self._warned:
            self._warned = True
            warn(_DEVICE_WARNING)
        return number


def _records_of(taken: dict[int, float]) -> Iterator[tuple[int, bytes]]:
    indices, numbers = list(taken), list(taken.values())
    for start in range(0, len(indices), MAX_SCALARS):
        part = indices[start : start + MAX_SCALARS]
        packed = struct.pack(f"<{len(part)}d", *numbers[start : start + MAX_SCALARS])
        yield len(part), padded(struct.pack(f"<{len(part)}H", *part)) + packed
