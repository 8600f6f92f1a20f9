"""Thresholds of the faults that Prometheus judges: what may be given for them, and how they get into the rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from runvitals.catalogue import faults
from runvitals.config.suggestion import closest
from runvitals.config.yaml_file import Document
from runvitals.diagnosis.settings import FaultSettings

MARKED = re.compile(r"(?P<number>[0-9][0-9.e+-]*)(?P<mark>  # (?P<fault>[a-z_]+)\.(?P<name>[a-z_]+))$", re.MULTILINE)
"""A number at the end of a line of PromQL, and a comment that says which threshold of the catalogue it is."""


def judged_by_prometheus(settings: Mapping[str, FaultSettings]) -> dict[str, FaultSettings]:
    """Return those of the settings that are for faults of scope `cluster`."""
    return {name: one for name, one in settings.items() if name in faults.BY_NAME and _is_of_cluster(name)}


def judged_by_sidecars(settings: Mapping[str, FaultSettings]) -> dict[str, FaultSettings]:
    """Return the others, names that the catalogue does not know among them."""
    return {name: one for name, one in settings.items() if name not in judged_by_prometheus(settings)}


def check_thresholds(document: Document, settings: Mapping[str, FaultSettings]) -> None:
    """Check what is given for faults that Prometheus judges. Raises ConfigError."""
    for fault, given in judged_by_prometheus(settings).items():
        place = f"faults.{fault}"
        if given != FaultSettings(thresholds=given.thresholds):
            raise document.error(place, "Prometheus judges it, so only its `thresholds` can be given here")
        known = faults.BY_NAME[fault].thresholds
        for name, value in given.thresholds.items():
            if name not in known:
                raise document.error(f"{place}.thresholds.{name}", f"unknown threshold{closest(name, known)}")
            if not (isfinite(value) and value >= 0.0):
                raise document.error(f"{place}.thresholds.{name}", f"must be a number from 0, not {value}")


def fill_thresholds(text: str, settings: Mapping[str, FaultSettings]) -> str:
    """Return the text of a file of rules in which the marked thresholds have the values given."""

    def filled(match: re.Match[str]) -> str:
        given = settings.get(match["fault"])
        value = given.thresholds.get(match["name"]) if given else None
        return match[0] if value is None else f"{value!r}{match['mark']}"

    return MARKED.sub(filled, text)


def _is_of_cluster(fault: str) -> bool:
    return faults.BY_NAME[fault].scope == "cluster"
