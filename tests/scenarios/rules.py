"""The published rules and two stupid baselines on the recordings, judged as the detectors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from runvitals.values import Sample
from tests import published_rules as published
from tests.published_rules import Alarms
from tests.scenarios.evaluation import delay_of
from tests.scenarios.scenario import Recording, Scenario

Rule = Callable[[Recording], list[float]]
"""The times at which a rule alarms on a recording."""


class RuleOutcome(NamedTuple):
    """What came of one run: the delay in steps (None: not found), and the alarms while nothing was wrong."""

    delay: int | None
    false_alarms: int


def _on(alarms: Alarms, *signals: str) -> Rule:
    """Return the rule that alarms where any of these signals of any rank does."""

    def rule(recording: Recording) -> list[float]:
        series: dict[tuple[str, str], list[Sample]] = {}
        for item in recording.items:
            if isinstance(item, Sample) and item.signal in signals and not item.layer:
                series.setdefault((item.signal, item.rank), []).append(item)
        return sorted(
            {
                samples[place].time
                for samples in series.values()
                for place in alarms([sample.value for sample in samples])
            }
        )

    return rule


RULES: Mapping[str, Rule] = {
    "always fire": lambda recording: [*recording.step_times, *([recording.until] if recording.planted else [])],
    "never fire": lambda _: [],
    "OLMo-core skip step": _on(published.deviations(128, 6.0), "loss", "grad_norm"),
    "OLMo spike score": _on(published.deviations(1000, 7.0), "loss", "grad_norm"),
    "ZClip": _on(published.zclip, "grad_norm"),
    "KillLossSpike": _on(published.kill_loss_spike, "loss"),
    "MAD of 256, 8": _on(published.absolute_deviations(256, 8.0), "loss"),
}


def judge_rule(rule: Rule, scenario: Scenario, recording: Recording) -> RuleOutcome:
    """Compare a rule's alarms with what was planted; which fault it is such a rule does not say."""
    planted = recording.planted
    times = rule(recording)
    late = [time for time in times if planted is not None and time > planted]
    delay = delay_of(recording, late[0]) if late else None
    if delay is not None and delay > scenario.within:
        delay = None
    return RuleOutcome(delay, len(times) - len(late))


def judge_rules(scenario: Scenario, recording: Recording) -> dict[str, RuleOutcome]:
    """Return what came of each rule."""
    return {name: judge_rule(rule, scenario, recording) for name, rule in RULES.items()}
