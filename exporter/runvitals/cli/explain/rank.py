"""How a rank stands after the step, as lines: explosion probabilities and open findings."""

from __future__ import annotations

from collections.abc import Iterator

from runvitals.cli.incidents.words import on_one_line
from runvitals.detectors.explosion_explanation import HazardExplanation, NextStepExplanation
from runvitals.exposition.numbers import number
from runvitals.pipeline.explanation import RankExplanation
from runvitals.values import Evidence, Finding


def rank_lines(rank: RankExplanation) -> Iterator[str]:
    """Yield the explosion probabilities, where there are gradient norms, and the open findings."""
    if rank.next_step and rank.hazard:
        yield "explosion probability"
        yield from _next_step(rank.next_step)
        yield from _hazard(rank.hazard)
    yield "open findings" if rank.findings else "open findings: none"
    for finding in rank.findings:
        yield from _finding(finding)


def _next_step(one: NextStepExplanation) -> Iterator[str]:
    if one.probability is None:
        yield f"  next step      unknown: {one.unknown}"
        return
    yield (
        f"  next step      {number(one.probability)}: that the relative change exceeds {one.limit:g}; the last "
        f"{one.changes} have mean {number(one.mean)}, deviation {number(one.stddev)}; "
        f"the newest is {number(one.newest_change)}"
    )


def _hazard(one: HazardExplanation) -> Iterator[str]:
    if one.logit is None:
        yield f"  in 50 steps    unknown: {one.unknown}"
        return
    yield (
        f"  in 50 steps    {number(one.probability)}: calibrated from the logit {one.logit:+.2f}, "
        f"of which {one.intercept:+.2f} is the intercept"
    )
    for feature in sorted(one.features, key=lambda each: -abs(each.contribution)):
        yield f"    {feature.feature:<15} {number(feature.value):>10}  adds {feature.contribution:+.2f}"


def _finding(finding: Finding) -> Iterator[str]:
    since = "" if finding.opened_step is None else f" since step {finding.opened_step}"
    yield f"  {finding.fault} ({finding.severity}){since}, confidence {finding.confidence:.2f}, {finding.id}"
    for one in finding.evidence:
        yield f"    {_evidence(one)}"
    yield f"    first: {finding.first_action}"


def _evidence(evidence: Evidence) -> str:
    step = "" if evidence.step is None else f"step {evidence.step}: "
    return f"{step}{on_one_line(evidence.sentence)}"
