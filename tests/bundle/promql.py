"""What a query rests on, its selectors and the labels that it groups by; and how it is sent, without variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

ANY = ".*"  # what a variable of a dashboard stands for

_METRIC = (
    r"(?:(?:runvitals|process|python|prometheus|alertmanager)_\w+|(?:rank|run|cluster):\w+:\w+|up|ALERTS|\w+(?=\s*\{))"
)
_SELECTOR = re.compile(rf'(?<![\w:"])({_METRIC})\b(?:\s*\{{([^}}]*)\}})?')
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


class Matcher(NamedTuple):
    """One matcher of a selector."""

    label: str
    operator: str
    value: str

    @property
    def alternatives(self) -> list[str]:
        """The values, or patterns, of which each is meant to exist; none for a variable or what is excluded."""
        if self.operator.startswith("!") or self.value in {"", ANY}:
            return []
        return self.value.split("|") if re.fullmatch(r"[\w|-]+", self.value) else [self.value]

    def accepts(self, value: str) -> bool:
        """Return whether a label with this value (empty: no such label) is selected."""
        is_same = bool(re.fullmatch(self.value, value)) if "~" in self.operator else self.value == value
        return is_same != self.operator.startswith("!")


class Selector(NamedTuple):
    """A metric and what its labels must be."""

    metric: str
    matchers: tuple[Matcher, ...]


def selectors(query: str) -> list[Selector]:
    """Return every selector of a query."""
    return [
        Selector(metric, tuple(Matcher(*found) for found in _MATCHER.findall(matchers or "")))
        for metric, matchers in _SELECTOR.findall(query)
    ]


def grouping_labels(query: str) -> set[str]:
    """Return the labels that a query groups or joins by."""
    return {label.strip() for labels in _LABELS.findall(query) for label in labels.split(",") if label.strip()}


def filled_in(query: str) -> str:
    """Return a panel's query as it is sent when every variable stands for all of its values."""
    query = re.sub(r'=~?\s*"\$\{?\w+(?::\w+)?\}?"', f'=~"{ANY}"', query)
    query = re.sub(r"\$\{?__(?:rate_interval|interval)\}?", "5m", query)
    return re.sub(r"\$\{?__range\}?", "30m", query)


def mutants(query: str) -> Iterator[str]:
    """Yield the query with one name wrong at a time: a metric, a label, a value that is looked for."""
    for found in _SELECTOR.finditer(query):
        yield _with(query, found.span(1), f"{found[1]}x")
        if found[2]:
            yield from _wrong_matchers(query, found.start(2), found[2])
    for found in _LABELS.finditer(query):
        for label in re.finditer(r"\w+", found[1]):
            yield _with(query, (found.start(1) + label.start(), found.start(1) + label.end()), f"{label[0]}x")


def _wrong_matchers(query: str, start: int, matchers: str) -> Iterator[str]:
    for found in _MATCHER.finditer(matchers):
        yield _with(query, (start + found.start(1), start + found.end(1)), f"{found[1]}x")
        for value in Matcher(*found.groups()).alternatives:
            at = start + found.start(3) + found[3].index(value)
            yield _with(query, (at, at + len(value)), f"{value}x")


def _with(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]
