"""The score card: how many faults were found, named and placed, how late, and how often nothing was the matter."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tests.scenarios.evaluation import Opening, Outcome
from tests.scenarios.rules import RULES, RuleOutcome
from tests.scenarios.scenario import Scenario
from tests.scenarios.suite import BY_NAME


class Judged(NamedTuple):
    """A run and what came of it, by ours and by the rules."""

    outcome: Outcome
    rules: dict[str, RuleOutcome]

    @property
    def scenario(self) -> Scenario:
        """What was generated."""
        return BY_NAME[self.outcome.scenario]


def lines(judged: Sequence[Judged]) -> Iterator[str]:
    """Yield the card, the table by fault, and what was missed or false."""
    faulty = [one for one in judged if not one.scenario.is_healthy]
    steps = sum(one.outcome.calm_steps for one in judged)
    yield (
        f"{len(faulty)} runs with one fault each ({len({one.scenario.name for one in faulty})} scenarios, "
        f"{len({one.scenario.fault for one in faulty})} kinds), {len(judged) - len(faulty)} healthy runs "
        f"({len({one.scenario.name for one in judged if one.scenario.is_healthy})} scenarios); "
        f"{steps:,} healthy steps, those before a fault included"
    )
    yield ""
    yield f"{'':<22}{'detected':>10}{'right first':>13}{'category':>10}{'delay':>7}{'false':>7}{'in 100,000 steps':>19}"
    yield _row("runvitals", [one.outcome.delay for one in faulty], steps, _false(judged), _named(faulty))
    for name in RULES:
        alarms = sum(one.rules[name].false_alarms for one in judged)
        yield _row(name, [one.rules[name].delay for one in faulty], steps, alarms, None)
    yield "delay: median, in steps, of what was detected; false: findings, or for a rule the steps that it flags"
    yield ""
    yield from _by_fault(faulty)
    yield from _missed(faulty)
    yield from _early(judged)


def _named(faulty: Sequence[Judged]) -> tuple[int, int]:
    return (
        sum(one.outcome.is_right_first for one in faulty),
        sum(one.outcome.is_right_category for one in faulty),
    )


def _row(name: str, delays: Sequence[int | None], steps: int, false: int, named: tuple[int, int] | None) -> str:
    count = max(1, len(delays))
    found = [delay for delay in delays if delay is not None]
    first, category = (f"{part / count:.1%}" for part in named) if named else ("-", "-")
    delay = f"{statistics.median(found):g}" if found else "-"
    rate = 1e5 * false / max(1, steps)
    return f"{name:<22}{len(found) / count:>10.1%}{first:>13}{category:>10}{delay:>7}{false:>7}{rate:>19.2f}"


def _false(judged: Iterable[Judged]) -> int:
    return sum(len(one.outcome.early) for one in judged)


def _by_fault(faulty: Sequence[Judged]) -> Iterator[str]:
    yield f"{'fault':<28}{'runs':>5}{'detected':>10}{'right first':>13}{'category':>10}{'delay':>7}"
    for fault in sorted({one.scenario.fault for one in faulty}):
        outcomes = [one.outcome for one in faulty if one.scenario.fault == fault]
        delays = [one.delay for one in outcomes if one.delay is not None]
        yield (
            f"{fault:<28}{len(outcomes):>5}{len(delays):>10}{sum(one.is_right_first for one in outcomes):>13}"
            f"{sum(one.is_right_category for one in outcomes):>10}{statistics.median(delays) if delays else '-':>7}"
        )


def _missed(faulty: Sequence[Judged]) -> Iterator[str]:
    wrong = [one for one in faulty if one.outcome.delay is None or not _is_right(one.outcome)]
    if wrong:
        yield ""
        yield "missed, or called something else:"
    for one in wrong:
        outcome, scenario = one.outcome, one.scenario
        found = _said(outcome.first) if outcome.first else "nothing"
        when = "missed" if outcome.delay is None else f"found after {outcome.delay}"
        yield f"  {scenario.name} seed {outcome.seed}: {scenario.fault}/{scenario.category} {when}; first came {found}"


def _is_right(outcome: Outcome) -> bool:
    return outcome.is_right_first and outcome.is_right_category


def _early(judged: Sequence[Judged]) -> Iterator[str]:
    false = [(one, finding) for one in judged for finding in one.outcome.early]
    if false:
        yield ""
        yield "false findings:"
    for one, finding in false:
        yield f"  {one.scenario.name} seed {one.outcome.seed}, step {finding.step}: {_said(finding)}"
    notes = Counter(finding.fault for one in judged for finding in one.outcome.notes)
    if notes:
        yield ""
        told = ", ".join(f"{fault} {count}" for fault, count in notes.most_common())
        yield f"findings of severity info where nothing was planted, counted apart: {told}"


def _said(finding: Opening) -> str:
    return f"{finding.fault}/{finding.category} ({finding.severity}): {finding.sentence}"
