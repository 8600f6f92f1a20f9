"""The channels of an anomaly score as a table."""

from __future__ import annotations

from collections.abc import Iterator

from runvitals.anomaly.explanation import ChannelExplanation, ScoreExplanation
from runvitals.exposition.numbers import number, span

_COMPARED = {
    "counter": "has only risen so far: its steps are judged, not its height",
    "ratio": "has been between 0 and 1 so far: judged as odds, on the scale of their logarithm",
    "time": "has been above 0 with a long upper tail so far: judged by its logarithm",
}


def channel_table(anomaly: ScoreExplanation) -> Iterator[str]:
    """Yield a line for each channel, the one that decided with an arrow."""
    if anomaly.kind != "plain":
        yield f"    {_COMPARED.get(anomaly.kind, anomaly.kind)}"
    yield f"    {'channel':<13} {'sees':<16} {'expected (99 %)':<28} {'tail p':>9} {'score':>7}"
    for one in anomaly.channels:
        yield f"  {'> ' if one.decides else '  '}{_row(one)}".rstrip()


def _row(one: ChannelExplanation) -> str:
    name = one.channel.replace("_", " ")
    if not one.enabled:
        return f"{name:<13} switched off"
    if one.reading is None:
        return f"{name:<13} has no answer"
    return f"{name:<13} {_seen(one):<16} {_expected(one):<28} {_probability(one):>9} {number(one.score):>7}"


def _seen(one: ChannelExplanation) -> str:
    if one.channel == "new_pattern":
        return "a new one" if one.reading else "a known one"
    if one.channel == "out_of_range":
        return f"{'above' if one.reading > 0 else 'below'} it" if one.reading else "within"
    return f"{one.reading:+.2f} sd"


def _expected(one: ChannelExplanation) -> str:
    if one.channel == "shift":
        return span(one.reading_low, one.reading_high, " sd")
    return span(one.value_low, one.value_high)


def _probability(one: ChannelExplanation) -> str:
    return "-" if one.probability is None else f"{one.probability:.2g}"
