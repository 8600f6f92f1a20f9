"""What the names on a page mean: which metrics of which engine they are parts of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.meaning import Meaning
from runvitals.sources.prometheus.picks import Picks

MAX_NAMES = 10_000
"""Names whose meaning is remembered; a page that has more of them makes it begin anew."""

_MAX_NAME = 500


class Known(NamedTuple):
    """What is known of a name: what it means, and the engines whose pages alone have it."""

    meanings: tuple[Meaning, ...]
    marks: tuple[str, ...]


NOTHING = Known((), ())


class Vocabulary:
    """The names of all engines, and those that the config picks."""

    def __init__(self, engines: Sequence[Engine], picks: Picks) -> None:
        self._engines = engines
        self._picks = picks
        self._wanted: dict[str, list[Meaning]] = {}
        for engine in engines:
            for name, meaning in _names(engine):
                self._wanted.setdefault(name, []).append(meaning)
        self._known: dict[str, Known] = {}

    def look_up(self, name: str) -> Known:
        """Return what is known of a name."""
        known = self._known.get(name)
        if known is None:
            if len(name) > _MAX_NAME:
                return NOTHING
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            known = self._known[name] = self._look_up(name)
        return known

    def _look_up(self, name: str) -> Known:
        meanings = (*self._wanted.get(name, ()), *self._picks.meanings(name))
        marks = tuple(engine.name for engine in self._engines if engine.marks and re.match(engine.marks, name))
        return Known(meanings, marks) if meanings or marks else NOTHING


def _names(engine: Engine) -> Iterator[tuple[str, Meaning]]:
    """Yield every name under which a page may have a part of the engine's metrics."""
    for metric, is_distribution in _metrics(engine):
        for prefix in ("",) if metric in engine.unprefixed else engine.prefixes:
            for suffix, part in _DISTRIBUTION if is_distribution else _PLAIN:
                yield f"{prefix}{metric}{suffix}", Meaning(engine.name, metric, part)


_DISTRIBUTION = (("", "value"), ("_bucket", "bucket"), ("_sum", "sum"), ("_count", "count"), ("_created", "created"))
_PLAIN = (("", "value"), ("_total", "value"), ("_created", "created"))


def _metrics(engine: Engine) -> Iterable[tuple[str, bool]]:
    metrics: dict[str, bool] = {}
    for reading in engine.readings:
        for metric, is_distribution in reading.metrics.items():
            metrics[metric] = metrics.get(metric, False) or is_distribution
    return metrics.items()
