"""The driver's error messages (XID), from a gauge that holds the newest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isnan

from runvitals.catalogue import signals
from runvitals.values import Event, EventKind, Sample

_MAX_GPUS = 20_000  # all that two pages may hold


class XidChanges:
    """Makes an event of each change of a GPU's gauge to another XID.

    What it holds when it is first seen happened before, and a message that comes twice is seen once.
    """

    def __init__(self) -> None:
        self._newest: dict[str, float] = {}

    def events(self, samples: Iterable[Sample]) -> Iterator[Event]:
        """Yield the messages that have come since the last call."""
        for sample in samples:
            if sample.signal == signals.GPU_XID.name and not isnan(sample.value):
                before = self._newest.pop(sample.layer, None)
                self._newest[sample.layer] = sample.value
                if len(self._newest) > _MAX_GPUS:
                    self._newest.pop(next(iter(self._newest)))  # the one that was heard of longest ago
                if sample.value and before not in (None, sample.value):
                    yield _event(sample)


def _event(sample: Sample) -> Event:
    xid, gpu = f"{sample.value:.0f}", sample.layer or "a GPU"
    fields = {"xid": xid, "gpu": gpu}
    return Event(EventKind.XID, sample.run, sample.rank, sample.time, text=f"XID {xid} on {gpu}", fields=fields)
