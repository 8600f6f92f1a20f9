"""A page: the series of the metrics that are wanted, and what is counted of the rest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import inf

import msgspec

from runvitals.sources.prometheus.lines import DECLARED, NAME, BadLineError, read_labels, split_rest, to_number
from runvitals.sources.prometheus.meaning import Meaning
from runvitals.sources.prometheus.reasons import Reason
from runvitals.sources.prometheus.series import Labels, Series
from runvitals.sources.prometheus.vocabulary import NOTHING, Vocabulary

MetricKey = tuple[str, str]
"""Engine and metric."""

MAX_LINE = 8192
"""Characters of a line after its name; servers write a few hundred."""

_MAX_REMEMBERED = 1024
"""Characters between braces that are remembered from page to page; what is longer is read anew each time."""

_A_LOOK = 256 * 1024
"""Characters that are read between two looks at the clock, where a line costs as much as _A_LINE of them."""
_A_LINE = 128

_LAST_OF_A_NUMBER = (*"0123456789.", "NaN", "nan", "Inf", "inf")
"""How a line of a metric that nobody wants must end; more of it is not looked at."""


class PageTooSlowError(Exception):
    """The page was not read in time."""


class Page(msgspec.Struct):
    """The wanted series by engine and metric, and the engines whose metrics were seen."""

    series: dict[MetricKey, dict[Labels, Series]]
    engines: set[str]
    count: int = 0


class PageReader:
    """Reads pages; what the text between braces says is remembered from one page to the next."""

    def __init__(self, vocabulary: Vocabulary, max_series: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._vocabulary = vocabulary
        self._max_series = max_series
        self._clock = clock
        self._labels: dict[str, tuple[Labels, str, str]] = {}

    def read(self, text: str, deadline: float, rejected: Counter[Reason]) -> Page:
        """Return what a page holds. Raises PageTooSlowError if it is not read by `deadline` (monotonic, seconds)."""
        page = Page({}, set())
        until_look = 0
        for line in _lines(text):
            if until_look <= 0:
                until_look = _A_LOOK
                if self._clock() > deadline:
                    raise PageTooSlowError
            until_look -= len(line) + _A_LINE
            found = NAME.match(line)
            if found is None:
                self._pass_over(line, page, rejected)
                continue
            known = self._vocabulary.look_up(found[1])
            if known is NOTHING:
                if not line.endswith(_LAST_OF_A_NUMBER) and not line.rstrip().endswith(_LAST_OF_A_NUMBER):
                    rejected[Reason.MALFORMED_LINE] += 1
                continue
            page.engines.update(known.marks)
            try:
                self._take(page, known.meanings, line[found.end() :])
            except BadLineError as error:
                rejected[error.reason] += 1
        return page

    def _take(self, page: Page, meanings: Sequence[Meaning], rest: str) -> None:
        """Put the number of a line where it belongs. Raises BadLineError."""
        if not meanings:
            return
        if len(rest) > MAX_LINE:
            raise BadLineError(Reason.LINE_TOO_LONG)
        labels, value, mark = self._parse(rest)
        for meaning in meanings:
            family = page.series.setdefault((meaning.engine, meaning.metric), {})
            series = family.get(labels)
            if series is None:
                if page.count >= self._max_series:
                    raise BadLineError(Reason.TOO_MANY_SERIES)
                series = family[labels] = Series()
                page.count += 1
            _store(series, meaning.part, mark, value)

    def _pass_over(self, line: str, page: Page, rejected: Counter[Reason]) -> None:
        declared = DECLARED.match(line)
        if declared:
            page.engines.update(self._vocabulary.look_up(declared[1]).marks)
        elif line.strip() and not line.lstrip().startswith("#"):
            rejected[Reason.MALFORMED_LINE] += 1

    def _parse(self, rest: str) -> tuple[Labels, float, str]:
        """Return labels, value, and the bound or quantile that the line is for (a value that no label gives: "")."""
        text, value = split_rest(rest)
        known = self._labels.get(text)
        if known is None:
            if len(self._labels) >= self._max_series:
                self._labels.clear()
            labels = read_labels(text)
            bound, quantile = labels.pop("le", ""), labels.pop("quantile", "")
            known = tuple(sorted(labels.items())), bound, quantile
            if len(text) <= _MAX_REMEMBERED:
                self._labels[text] = known
        return known[0], value, known[1] or known[2]


def _store(series: Series, part: str, mark: str, value: float) -> None:
    """Put a number where it belongs. Raises BadLineError, for one that is there already too."""
    if part == "bucket":
        _put(series.buckets, _bound(mark), _count(value))
    elif part == "value" and mark:
        _put(series.quantiles, to_number(mark), value)
    elif getattr(series, part) is not None:
        raise BadLineError(Reason.DUPLICATE_SERIES)
    else:
        setattr(series, part, _count(value) if part == "count" else value)


def _put(numbers: dict[float, float], key: float, value: float) -> None:
    if key in numbers:
        raise BadLineError(Reason.DUPLICATE_SERIES)
    numbers[key] = value


def _bound(text: str) -> float:
    return inf if text.lower() in ("+inf", "inf") else to_number(text)


def _count(value: float) -> float:
    if value < 0.0:
        raise BadLineError(Reason.IMPLAUSIBLE)
    return value


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a page without copying it whole."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1
