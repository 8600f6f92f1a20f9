"""The wire format of StatsD and DogStatsD, one line at a time. Pure: bytes in, a `Line` out.

A line is `name:value|type`, then in any order `|@rate`, `|#tag:value,…`, `|Ttimestamp`, `|c:container` and whatever
later versions of the protocol add, which is ignored. DogStatsD may pack values, `name:1:2:3|d`.

Formats: https://github.com/statsd/statsd/blob/master/docs/metric_types.md and
https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/ (protocol 1.0 to 1.5).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from runvitals.sources.statsd.reasons import Reason

TYPES = {b"g": "g", b"c": "c", b"ms": "ms", b"h": "h", b"d": "d"}
MAX_STEP = 2**63 - 1
MAX_FIELDS = 16
MIN_SAMPLE_RATE = 1e-6
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class LineRejected(ValueError):  # noqa: N818  a rejected line is an ordinary answer, not an error
    """The line holds no value that can be used; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Tags(NamedTuple):
    """The tags runvitals understands; empty or None where the line has none."""

    run: str = ""
    rank: str = ""
    layer: str = ""
    step: int | None = None


class Line(NamedTuple):
    """One StatsD line.

    `signs` holds for each value how it was written: `"+"`, `"-"` or `""`. `dogstatsd` is True where the line uses
    anything plain StatsD does not have. `flaws` are details that were given up while the value was kept.
    """

    name: str
    type: str
    values: tuple[float, ...]
    signs: tuple[str, ...]
    sample_rate: float
    tags: Tags
    timestamp: float | None
    dogstatsd: bool
    flaws: tuple[Reason, ...]


def parse_line(raw: bytes, label_limit: int) -> Line:
    """Parse one line without its line feed; names and tag values are cut at `label_limit` characters.

    Raises LineRejected where the line is not a metric, or not one that can be used.
    """
    _refuse_other_messages(raw)
    name, _, rest = raw.strip().partition(b":")
    packed, _, rest = rest.partition(b"|")
    fields = rest.split(b"|")
    kind = _type(fields[0])
    if not name or not packed or len(fields) > MAX_FIELDS:
        raise LineRejected(Reason.MALFORMED)
    texts = packed.split(b":")
    extras = _Extras(fields[1:], label_limit)
    return Line(
        name=clean_label(name, label_limit, extras.flaws),
        type=kind,
        values=tuple([_number(text) for text in texts]),
        signs=tuple([_sign(text) for text in texts]),
        sample_rate=extras.sample_rate,
        tags=extras.tags,
        timestamp=extras.timestamp,
        dogstatsd=extras.dogstatsd or len(texts) > 1,
        flaws=tuple(extras.flaws),
    )


def clean_label(raw: bytes, limit: int, flaws: list[Reason]) -> str:
    """Return `raw` as printable text of at most `limit` characters; what had to be changed is added to `flaws`.

    Bytes that are not UTF-8 and characters that do not print (control characters, line separators, bidirectional
    overrides) become U+FFFD.
    """
    text = raw.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join([character if character.isprintable() else _REPLACEMENT for character in text])
    if _REPLACEMENT in text:
        flaws.append(Reason.LABEL_REPLACED)
    if len(text) > limit:
        flaws.append(Reason.LABEL_CUT)
        text = text[:limit]
    return text


def _refuse_other_messages(raw: bytes) -> None:
    if raw.startswith(b"_e{"):
        raise LineRejected(Reason.EVENT)
    if raw.startswith(b"_sc|"):
        raise LineRejected(Reason.SERVICE_CHECK)


def _type(field: bytes) -> str:
    kind = TYPES.get(field)
    if kind is not None:
        return kind
    if field == b"s":
        raise LineRejected(Reason.SET)
    raise LineRejected(Reason.UNSUPPORTED_TYPE if field.isalpha() else Reason.MALFORMED)


def _number(text: bytes) -> float:
    if b"_" in text:  # Python reads 1_000 as a number, no StatsD server does
        raise LineRejected(Reason.NOT_A_NUMBER)
    try:
        return float(text)
    except ValueError:
        raise LineRejected(Reason.NOT_A_NUMBER) from None


def _sign(text: bytes) -> str:
    return {b"+": "+", b"-": "-"}.get(text[:1], "")


class _Extras:
    """The optional fields of a line."""

    def __init__(self, fields: list[bytes], label_limit: int) -> None:
        self.sample_rate = 1.0
        self.tags = Tags()
        self.timestamp: float | None = None
        self.dogstatsd = False
        self.flaws: list[Reason] = []
        self._label_limit = label_limit
        for field in fields:
            self._take(field)

    def _take(self, field: bytes) -> None:
        prefix = field[:1]
        if prefix == b"@":
            self.sample_rate = _sample_rate(field[1:])
            return
        self.dogstatsd = True
        if prefix == b"#":
            self._take_tags(field[1:])
        elif prefix == b"T":
            self._take_timestamp(field[1:])

    def _take_tags(self, text: bytes) -> None:
        found = {}
        for tag in text.split(b","):
            key, separator, value = tag.partition(b":")
            if separator and key in _TAG_KEYS:
                found[_TAG_KEYS[key]] = value
        step = self._step(found.pop("step", b""))
        self.tags = Tags(
            **{key: clean_label(raw, self._label_limit, self.flaws) for key, raw in found.items()}, step=step
        )

    def _step(self, text: bytes) -> int | None:
        if not text:
            return None
        if text.isdigit() and len(text) <= len(str(MAX_STEP)) and (step := int(text)) <= MAX_STEP:
            return step
        self.flaws.append(Reason.BAD_STEP)
        return None

    def _take_timestamp(self, text: bytes) -> None:
        try:
            self.timestamp = _number(text)
        except LineRejected:
            self.flaws.append(Reason.BAD_TIMESTAMP)


_TAG_KEYS = {b"run": "run", b"rank": "rank", b"layer": "layer", b"step": "step"}


def _sample_rate(text: bytes) -> float:
    try:
        rate = _number(text)
    except LineRejected:
        rate = math.nan
    if not MIN_SAMPLE_RATE <= rate <= 1.0:
        raise LineRejected(Reason.BAD_SAMPLE_RATE)
    return rate
