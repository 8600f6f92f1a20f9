"""From the frames of a ring to samples and events."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from runvitals.catalogue.signals import canonical
from runvitals.client.ring_format import (
    CLOSE,
    EVENT,
    LATEST_TIME,
    LAYERS,
    MAX_INDEX,
    MAX_NAME,
    NAMES,
    SCALARS,
    SKIP_REASONS,
    SKIPPED,
    Header,
)
from runvitals.client.run import MAX_KIND, MAX_TEXT
from runvitals.sources.ring.cursor import Frame
from runvitals.values import Event, EventKind, Sample

_MARKS = {
    kind.value: kind
    for kind in (EventKind.RESUME, EventKind.PHASE, EventKind.EVALUATION, EventKind.CHECKPOINT, EventKind.BATCH)
}
_MAX_SIGNAL_TUPLES = 1024
_Sums = dict[str, Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]]


class RingDecoder:
    """Decodes the frames of one ring in their order. What is not taken is counted in `rejected`, by reason.

    `names`, `layers` and `skipped` are what it has learnt from the frames so far, and go into the saved position.
    `newest_step` and `newest_time` are those of the newest record; `ended` tells whether the close record was seen.
    """

    def __init__(self, header: Header) -> None:
        self._run = header.run
        self._rank = header.rank
        self._signal_tuples: dict[bytes, tuple[str, ...]] = {}
        self.names: dict[int, str] = {}
        self.layers: dict[int, str] = {}
        self.skipped: dict[str, int] = {}
        self.rejected: Counter[str] = Counter()
        self.newest_step: int | None = None
        self.newest_time = header.started
        self.ended = False

    def decode(self, frames: Iterable[Frame]) -> list[Sample | Event]:
        """Return what the frames hold."""
        items: list[Sample | Event] = []
        for frame in frames:
            decode = _DECODERS.get(frame.kind)
            if decode is None:
                self.rejected["unknown_record"] += 1
            elif not 0.0 < frame.wall < LATEST_TIME:
                self.rejected["bad_time"] += 1
            else:
                self.newest_time = max(self.newest_time, frame.wall)
                decode(self, frame, items)
        return items

    def _scalars(self, frame: Frame, items: list[Sample | Event]) -> None:
        count, payload = frame.size, frame.payload
        start = (2 * count + 7) & ~7
        if len(payload) != start + 8 * count:
            self.rejected["bad_record"] += 1
            return
        signals = self._signal_tuples.get(payload[:start]) or self._signals(count, payload[:start])
        layer = self._layer(frame.layer)
        if signals is None or layer is None:
            self.rejected["unknown_name"] += count
            return
        step = self._step(frame)
        head = (self._run, self._rank)
        tail = (layer, frame.wall, step)
        new = tuple.__new__  # the tuple's own constructor: several times as fast as the named one
        items += [
            new(Sample, (*head, signal, *tail, value))
            for signal, value in zip(signals, _numbers(count)(payload, start), strict=True)
        ]

    def _signals(self, count: int, indices: bytes) -> tuple[str, ...] | None:
        """Return the canonical names of a record's scalars, None if one of them was never announced."""
        names = [self.names.get(index) for index in struct.unpack_from(f"<{count}H", indices)]
        signals = tuple(canonical(name) for name in names if name is not None)
        if len(signals) != count:
            return None
        if len(self._signal_tuples) >= _MAX_SIGNAL_TUPLES:
            self._signal_tuples.clear()
        self._signal_tuples[indices] = signals
        return signals

    def _layer(self, index: int) -> str | None:
        return self.layers.get(index) if index else ""

    def _step(self, frame: Frame) -> int | None:
        if frame.step < 0:
            return None
        self.newest_step = frame.step
        return frame.step

    def _event(self, frame: Frame, items: list[Sample | Event]) -> None:
        name, _, text = _text_of(frame).partition("\0")
        kind = _MARKS.get(name, EventKind.MARK)
        fields = {"kind": name[:MAX_KIND]} if kind is EventKind.MARK else {}
        items.append(Event(kind, self._run, self._rank, frame.wall, self._step(frame), text[:MAX_TEXT], fields))

    def _close(self, frame: Frame, items: list[Sample | Event]) -> None:
        how, _, exception = _text_of(frame).partition(":")
        kind = EventKind.RUN_RAISED if how == "exception" else EventKind.RUN_FINISHED
        items.append(Event(kind, self._run, self._rank, frame.wall, self.newest_step, exception[:MAX_KIND]))
        self.ended = True

    def _learn_names(self, frame: Frame, _: list[Sample | Event]) -> None:
        self._learn(frame, self.names)

    def _learn_layers(self, frame: Frame, _: list[Sample | Event]) -> None:
        self._learn(frame, self.layers)

    def _learn(self, frame: Frame, table: dict[int, str]) -> None:
        for entry in _text_of(frame).split("\0"):
            number, _, name = entry.partition("=")
            if number.isdecimal() and len(number) < 6 and int(number) < MAX_INDEX and 0 < len(name) <= MAX_NAME:
                table.setdefault(int(number), name)
            else:
                self.rejected["bad_name"] += 1

    def _count_skipped(self, frame: Frame, _: list[Sample | Event]) -> None:
        """Count what the client could not take since its last such record; each holds the sums so far."""
        try:
            sums = msgspec.json.decode(_text_of(frame), type=_Sums)
        except (msgspec.DecodeError, RecursionError):
            self.rejected["bad_record"] += 1
            return
        for reason in SKIP_REASONS:
            known = self.skipped.get(reason, 0)
            if sums.get(reason, 0) > known:
                self.rejected[reason] += sums[reason] - known
                self.skipped[reason] = sums[reason]


_DECODERS: dict[int, Callable[[RingDecoder, Frame, list[Sample | Event]], None]] = {
    SCALARS: RingDecoder._scalars,
    EVENT: RingDecoder._event,
    CLOSE: RingDecoder._close,
    NAMES: RingDecoder._learn_names,
    LAYERS: RingDecoder._learn_layers,
    SKIPPED: RingDecoder._count_skipped,
}


@lru_cache(maxsize=1024)
def _numbers(count: int) -> Callable[..., tuple[Any, ...]]:
    return struct.Struct(f"<{count}d").unpack_from


def _text_of(frame: Frame) -> str:
    return frame.payload[: frame.size].decode("utf-8", "replace")
