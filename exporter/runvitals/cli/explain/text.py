"""An explanation as lines for a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from runvitals.cli.explain.answer import Answer
from runvitals.cli.explain.channels import channel_table
from runvitals.cli.explain.rank import rank_lines
from runvitals.cli.explain.watching import fault_lines
from runvitals.cli.incidents.words import on_one_line, when
from runvitals.exposition.numbers import number
from runvitals.pipeline.explanation import SignalExplanation, WindowExplanation
from runvitals.series import Admission

WIDTH = 98


def lines(answer: Answer) -> Iterator[str]:
    """Yield the explanation of a step."""
    steps = answer.steps
    yield on_one_line(answer.file)
    yield f"step {answer.step}, of steps {steps.first} to {steps.last}"
    for rank in answer.ranks:
        mine = [one for one in answer.signals if (one.run, one.rank) == (rank.run, rank.rank)]
        time = when(mine[0].time) if answer.has_times else f"{number(mine[0].time)} s from the beginning"
        yield from ("", f"{on_one_line(rank.run)}, rank {on_one_line(rank.rank)}, {time}")
        for signal in mine:
            yield ""
            yield from _wrapped_all(_signal(signal))
        yield ""
        yield from _wrapped_all(rank_lines(rank))
    if answer.left_out:
        yield from ("", f"{answer.left_out} values of this step are left out: ask with --signal, --layer, --rank")


def _signal(signal: SignalExplanation) -> Iterator[str]:
    layer = f" in {on_one_line(signal.layer)}" if signal.layer else ""
    yield f"{on_one_line(signal.signal)}{layer} = {number(signal.value)}"
    yield from _window(signal.window)
    if signal.admission is Admission.SCORED:
        yield from _anomaly(signal)
    for fault in signal.faults:
        yield from fault_lines(fault, signal.value)


def _window(window: WindowExplanation) -> Iterator[str]:
    yield (
        f"  window         {window.samples} of {window.size} values before it: mean {number(window.mean)}, deviation "
        f"{number(window.stddev)}, median {number(window.median)}, robust deviation {number(window.robust_scale)}"
    )
    if window.unknown:
        yield f"  z-score        unknown: {window.unknown}"
        return
    yield f"  z-score        {number(window.zscore)}; robust {number(window.robust_zscore)}"


def _anomaly(signal: SignalExplanation) -> Iterator[str]:
    anomaly, alert = signal.anomaly, signal.alert
    if anomaly is None or alert is None:
        return
    if anomaly.score is None:
        yield f"  anomaly score  unknown: {anomaly.unknown}"
    else:
        yield f"  anomaly score  {anomaly.score:.2f}: {_share(anomaly.score)} as unusual"
        yield from channel_table(anomaly)
        yield f"  alert score    {number(alert.score)}: {alert.reason}"


def _share(score: float) -> str:
    """Return 10^-score as people say it."""
    if score < 1.0:
        return f"{10.0**-score:.0%} of healthy values are"
    return f"one healthy value in {10.0**score:.2g} is"


def _wrapped_all(many: Iterable[str]) -> Iterator[str]:
    for line in many:
        yield from _wrapped(line)


def _wrapped(line: str) -> list[str]:
    """Return the line cut where it is too long; what follows stands under what it continues."""
    indent = len(line) - len(line.lstrip())
    return (
        [line] if len(line) <= WIDTH else wrap(line, WIDTH, subsequent_indent=" " * (17 if indent == 2 else indent + 2))
    )
