"""What the last samples before a finding tell of its circumstances; each sign is a function, named in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from statistics import median

from runvitals.catalogue import signals
from runvitals.diagnosis.situation import Situation
from runvitals.values import Evidence, EvidenceRole, Sample

FIRST_STEPS = 10.0
"""So long a run has only begun: what fails there has hardly ever worked."""

RAISED = 2.0
"""A learning rate that has been multiplied by this within the steps that are remembered counts as raised."""

RISEN = 3.0
"""A gradient norm that has been multiplied by this counts as risen: what gradient_explosion asks of its level."""

MINIMUM_NORMS = 12

STILL = 1e-5
"""A step that changes less of the parameters hardly moves them: a hundredth of what is usual."""

_INPUTS = (signals.INPUT_NONFINITE_RATIO.name, signals.INPUT_MEAN.name, signals.INPUT_STDDEV.name)

JUDGED = frozenset({*_INPUTS, signals.LEARNING_RATE.name, signals.GRAD_NORM.name})
"""The signals that signs are read from."""

Sign = Callable[[Situation], Evidence | None]


def nonfinite_input(situation: Situation) -> Evidence | None:
    """Return that the input of the step, or of the one before, was not finite."""
    for sample in _inputs(situation):
        is_ratio = sample.signal == signals.INPUT_NONFINITE_RATIO.name
        if not isfinite(sample.value):
            return _told(f"{sample.signal} was {sample.value}: the input was not finite", sample)
        if is_ratio and sample.value > 0.0:
            return _told(f"{sample.value:.3g} of the input was not finite", sample, expected_high=0.0)
    return None


def finite_input(situation: Situation) -> Evidence | None:
    """Return that the input of the step is known to have been finite."""
    inputs = _inputs(situation)
    return None if not inputs or nonfinite_input(situation) else _told("the input was finite", inputs[-1])


def first_steps(situation: Situation) -> Evidence | None:
    """Return that the run has only begun, by its count of steps."""
    step = situation.finding.first_seen_step
    if step is None or not 0 <= step <= FIRST_STEPS:
        return None
    return Evidence(
        f"the run was only at step {step}", step=step, expected_low=FIRST_STEPS, role=EvidenceRole.CIRCUMSTANCE
    )


def learning_rate_raised(situation: Situation) -> Evidence | None:
    """Return that the learning rate was raised lately, at once or step by step."""
    rates = [one for one in situation.until(signals.LEARNING_RATE.name) if isfinite(one.value) and one.value > 0.0]
    if not rates:
        return None
    newest = rates[-1]
    before = next((one for one in reversed(rates) if one.value * RAISED <= newest.value), None)
    if before is None:
        return None
    return _told(
        f"{newest.signal} was raised {newest.value / before.value:.3g}-fold{_from(before)} "
        f"({before.value:.3g} to {newest.value:.3g})",
        newest,
        expected_high=before.value,
    )


def gradient_risen(situation: Situation) -> Evidence | None:
    """Return that the gradient norm had risen before: its last values against the older half of those remembered."""
    norms = [one for one in situation.until(signals.GRAD_NORM.name) if isfinite(one.value) and one.value > 0.0]
    if len(norms) < MINIMUM_NORMS:
        return None
    older, last = _level(norms[: len(norms) // 2]), _level(norms[-3:])
    if last < RISEN * older:
        return None
    sentence = f"{norms[-1].signal} had risen {last / older:.3g}-fold before ({older:.3g} to {last:.3g})"
    return _told(sentence, norms[-1], expected_high=RISEN * older)


def parameters_move(situation: Situation) -> Evidence | None:
    """Return that the optimizer changes the parameters: where nothing is learned all the same, nothing is there."""
    updates = [one for one in situation.until(signals.UPDATE_RATIO.name) if isfinite(one.value)]
    if not updates or updates[-1].value <= STILL:
        return None
    newest = updates[-1]
    return _told(f"the parameters change by {newest.value:.2g} of their norm a step, and learn nothing", newest)


def one_rank_alone(situation: Situation) -> Evidence | None:
    """Return that the other ranks that have come to the step were finite there."""
    count = len(situation.others)
    if not count or not all(map(isfinite, situation.others)):
        return None
    ranks = "the other rank" if count == 1 else f"{count} other ranks"
    return Evidence(
        f"{situation.signal} was finite on {ranks} at that step",
        situation.signal,
        step=situation.finding.first_seen_step,
        role=EvidenceRole.CIRCUMSTANCE,
    )


SIGNS: Mapping[str, Sign] = {
    sign.__name__: sign
    for sign in (
        *(nonfinite_input, finite_input, first_steps, learning_rate_raised, gradient_risen),
        *(parameters_move, one_rank_alone),
    )
}


def _inputs(situation: Situation) -> list[Sample]:
    """Return what is known of the input at the step of the first sight and the one before."""
    step = situation.finding.first_seen_step
    newest: list[Sample] = []
    for signal in _INPUTS:
        known = situation.until(signal)
        if step is not None:
            known = [one for one in known if one.step is not None and one.step >= step - 1]
        newest += known[-2:]
    return newest


def _level(samples: Sequence[Sample]) -> float:
    return median(_values(samples))


def _values(samples: Iterable[Sample]) -> list[float]:
    return [one.value for one in samples]


def _from(before: Sample) -> str:
    return "" if before.step is None else f" after step {before.step}"


def _told(sentence: str, sample: Sample, expected_high: float | None = None) -> Evidence:
    return Evidence(
        sentence,
        sample.signal,
        value=sample.value,
        expected_high=expected_high,
        step=sample.step,
        time=sample.time,
        role=EvidenceRole.CIRCUMSTANCE,
    )
