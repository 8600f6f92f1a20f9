"""The score card of the runs that were held back: no coefficient and no threshold was chosen on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hazard.archive import TORCH_SEEDS
from hazard.forecasts import LEAD, Forecast
from hazard.reliability import Bin, brier_score, brier_skill, expected_calibration_error, reliability
from runvitals.detectors.explosion_hazard import HORIZON

RARELY = 0.05
PER = 20_000


class Figures(NamedTuple):
    """What the targets are about."""

    bins: list[Bin]
    calibration_error: float
    brier: float
    skill: float
    slow: int
    slow_warned: int
    false: int
    near_misses: int
    healthy_steps: int
    other_steps: int


def figures(forecasts: list[Forecast]) -> Figures:
    """Measure all forecasts together."""
    probabilities = np.concatenate([one.probabilities for one in forecasts])
    followed = np.concatenate([one.followed for one in forecasts])
    bins = reliability(probabilities, followed)
    slow = [one for one in forecasts if one.breaks_slowly]
    false = [one.label.healthy()[step] for one in forecasts for step in one.false_warnings()]
    healthy = sum(int(one.healthy.sum()) for one in forecasts)
    return Figures(
        bins=bins,
        calibration_error=expected_calibration_error([one for one in bins if one.low >= RARELY]),
        brier=brier_score(probabilities, followed),
        skill=brier_skill(probabilities, followed),
        slow=len(slow),
        slow_warned=sum(one.lead is not None and one.lead >= LEAD for one in slow),
        false=sum(false),
        near_misses=len(false) - sum(false),
        healthy_steps=healthy,
        other_steps=int((~followed).sum()) - healthy,
    )


def lines(forecasts: list[Forecast]) -> Iterator[str]:
    """Yield the report, line by line."""
    found = figures(forecasts)
    yield from _runs(forecasts)
    yield "  p from      to     steps  forecast  observed"
    for one in found.bins:
        yield f"  {one.low:6.2f}  {one.high:6.2f}  {one.steps:8d}  {one.forecast:8.3f}  {one.observed:8.3f}"
    yield f"expected calibration error, p > {RARELY}: {found.calibration_error:.4f} (target: at most 0.05)"
    yield f"Brier score {found.brier:.5f}, skill against the base rate {found.skill:.3f}"
    warned = f"{found.slow_warned} of {found.slow}{_share(found.slow_warned, found.slow)}"
    yield (
        f"warned (p > 0.5) {LEAD} steps before non-finite, of runs that take {LEAD} or more from the first lasting "
        f"crossing of 10 x the median: {warned} (target: 90 %)"
    )
    yield from _short(forecasts)
    yield (
        f"false warnings on healthy steps: {found.false} in {found.healthy_steps}, "
        f"{_rate(found.false, found.healthy_steps)} per {PER} (target: at most 1)"
    )
    every = found.healthy_steps + found.other_steps
    yield (
        f"  and {found.near_misses} within {HORIZON} steps of a norm above 10 x the median that came back, or too "
        f"early; all together {_rate(found.false + found.near_misses, every)} per {PER} steps without an explosion"
    )


def _runs(forecasts: list[Forecast]) -> Iterator[str]:
    scored = [one for one in forecasts if len(one.steps)]
    exploded = [one for one in scored if one.label.begins is not None]
    steps = sum(len(one.steps) for one in scored)
    followed = sum(int(one.followed.sum()) for one in scored)
    torch = sum(one.seed >= TORCH_SEEDS for one in scored)
    yield f"{len(forecasts)} runs held back, {len(scored)} long enough to be scored ({torch} of them in PyTorch)"
    yield f"{len(exploded)} exploded; {steps} steps, {followed / steps:.2%} of them followed by one (the prior)"


def _short(forecasts: list[Forecast]) -> Iterator[str]:
    short = [one for one in forecasts if one.crossing_to_break is not None and not one.breaks_slowly]
    leads = sorted(one.lead for one in short if one.lead)
    median = f", median lead {leads[len(leads) // 2]} steps" if leads else ""
    share = _share(len(leads), len(short))
    yield f"faster ones warned of before non-finite: {len(leads)} of {len(short)}{share}{median}"
    finite = [one for one in forecasts if one.label.begins is not None and one.label.breaks is None and len(one.steps)]
    warned = [one for one in finite if len(one.warned) and int(one.warned[0]) <= (one.label.begins or 0)]
    share = _share(len(warned), len(finite))
    yield f"explosions that stay finite, warned of by their first step: {len(warned)} of {len(finite)}{share}"


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%})" if whole else ""


def _rate(count: int, steps: int) -> str:
    return f"{PER * count / steps:.2f}" if steps else "none"
