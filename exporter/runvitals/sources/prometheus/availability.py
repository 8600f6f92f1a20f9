"""Which signals a page publishes: what is not there is unknown, never healthy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runvitals.sources.prometheus.engines.engine import Engine


def availability(engines: Iterable[Engine], published: Iterable[str], before: Mapping[str, bool]) -> dict[str, bool]:
    """Return for each signal whether the page publishes it: those that are expected, or ever were there."""
    now = dict.fromkeys(before, False)
    for engine in engines:
        now.update({signal.name: False for signal in engine.expected})
    now.update(dict.fromkeys(published, True))
    return now
