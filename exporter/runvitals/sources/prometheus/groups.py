"""The series of a page by whose they are, and what they say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.growth import Grown
from runvitals.sources.prometheus.page import Page
from runvitals.sources.prometheus.picks import PICKED, Picks
from runvitals.sources.prometheus.plausible import is_blank, is_plausible
from runvitals.sources.prometheus.reading import Reading
from runvitals.sources.prometheus.reasons import Reason
from runvitals.sources.prometheus.series import Seen
from runvitals.sources.prometheus.targets import Place, Places
from runvitals.sources.prometheus.term import Group

Groups = dict[Place, dict[str, list[Seen]]]


class Said(NamedTuple):
    """The signals of one place: all that are published, and those that have a value now."""

    published: set[str]
    values: dict[str, float]


def of_engine(engine: Engine, page: Page, grown: Grown, places: Places, rejected: Counter[Reason]) -> Groups:
    """Return the series of an engine by place."""
    groups: Groups = {}
    for (name, metric), family in page.series.items():
        if name != engine.name:
            continue
        for labels, series in family.items():
            seen = Seen(dict(labels), series, grown.get(((name, metric), labels)))
            if any(seen.labels.get(label, "") not in wanted for label, wanted in engine.only):
                continue
            if engine.has_blanks and series.value is not None and is_blank(series.value):
                rejected[Reason.IMPLAUSIBLE] += 1
                continue
            place = places.of(engine, seen.labels, rejected)
            if place is not None:
                groups.setdefault(place, {}).setdefault(metric, []).append(seen)
    return groups


def of_picks(
    picks: Picks, page: Page, grown: Grown, places: Places, rejected: Counter[Reason]
) -> Iterator[tuple[Place, Reading, Group]]:
    """Yield the picked metrics, each with its reading, by place."""
    for (name, metric), family in page.series.items():
        if name != PICKED:
            continue
        pick, reading = picks.readings[metric]
        groups: dict[Place, list[Seen]] = {}
        for labels, series in family.items():
            seen = Seen(dict(labels), series, grown.get(((name, metric), labels)))
            place = places.admit("", seen.labels.get(pick.layer, "") if pick.layer else "", rejected)
            if place is not None:
                groups.setdefault(place, []).append(seen)
        for place, group in groups.items():
            yield place, reading, {metric: group}


def say(
    said: dict[Place, Said],
    place: Place,
    readings: Iterable[Reading],
    group: Group,
    seconds: float | None,
    rejected: Counter[Reason],
) -> None:
    """Add what the readings say of a group; of two of one signal the first that is published counts."""
    known = said.setdefault(place, Said(set(), {}))
    for reading in readings:
        new = set(reading.published(group)) - known.published
        if not new:
            continue
        known.published.update(new)
        for signal, value in reading.values(group, seconds):
            if signal not in new:
                continue
            if is_plausible(signal, value):
                known.values[signal] = value
            else:
                known.published.discard(signal)
                rejected[Reason.IMPLAUSIBLE] += 1
