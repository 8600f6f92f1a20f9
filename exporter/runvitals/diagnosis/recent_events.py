"""What was lately marked on a rank and told by its logs, kept for the findings that it may be evidence of."""

from __future__ import annotations

import msgspec

from runvitals.values import Event, EventKind

MAX_BATCHES = 64
MAX_EVIDENCE = 32

LOG_EVIDENCE = frozenset(
    {
        EventKind.OUT_OF_MEMORY,
        EventKind.COLLECTIVE_TIMEOUT,
        EventKind.XID,
        EventKind.TRACEBACK,
        EventKind.KILLED,
        EventKind.LOSS_SCALE_OVERFLOW,
        EventKind.RUN_RAISED,
    }
)
_OUT_OF_MEMORY_ERRORS = frozenset({"OutOfMemoryError", "MemoryError"})


class RecentEvents(msgspec.Struct):
    """The newest marked batches of a rank, and the newest events that are evidence of something wrong."""

    batches: list[Event] = []
    evidence: list[Event] = []

    def observe(self, event: Event) -> bool:
        """Keep an event if it is of use; return whether it is."""
        kept, limit = self.evidence, MAX_EVIDENCE
        if event.kind is EventKind.BATCH:
            kept, limit = self.batches, MAX_BATCHES
        elif event.kind not in LOG_EVIDENCE:
            return False
        kept.append(event)
        del kept[:-limit]
        return True

    def clear(self) -> None:
        """Another process begins: what was told of the last one is no evidence about it."""
        self.batches.clear()
        self.evidence.clear()


def kind_of(event: Event) -> EventKind:
    """Return the kind of an event; an exception that says that memory ran out is of that kind."""
    if event.kind is EventKind.RUN_RAISED and event.text in _OUT_OF_MEMORY_ERRORS:
        return EventKind.OUT_OF_MEMORY
    return event.kind
