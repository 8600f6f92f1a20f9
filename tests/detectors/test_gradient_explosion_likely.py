"""The forecast of an explosion: causal, in time, silent on healthy runs, and sound on anything."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hazard.labels import label
from hazard.recipe import Recipe
from hazard.schedules import Plan
from hazard.trainer import train
from runvitals.detectors.explosion_hazard import ExplosionHazard
from runvitals.detectors.gradient_explosion_likely import GradientExplosionLikely
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Event, EventKind, Sample
from tests.streams import any_value, healthy

STEADY = Recipe(
    seed=11,
    task="linear",
    precision="float32",
    optimizer="sgd",
    rate=0.01,
    schedule="constant",
    plan=Plan(steps=1500, start=400, length=200, factor=60.0),
    batch=16,
    clip=0.0,
    bad_batches=0.0,
    bad_factor=1.0,
    digits=0,
)
RAMPED = STEADY._replace(schedule="ramp")
"""Real training of a linear fit; the second run's learning rate rises from step 400 on until it breaks."""


def probabilities(log):
    """The forecast at each step of a log of the generator."""
    hazard = ExplosionHazard()
    told = []
    for _, norm, rate, _ in log.tolist():
        hazard.features.observe_rate(rate)
        told.append(hazard.observe_norm(norm))
    return told


def replayed(log, *, cut=None):
    """Findings on gradient_explosion_likely, in the order of opening, of a log through the whole pipeline."""
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    for step, (loss, norm, rate, _) in enumerate(log.tolist()):
        if step == cut:
            pipeline.observe([Event(EventKind.PHASE, "run", "0", float(step))], "test")
        values = {"loss": loss, "learning_rate": rate, "grad_norm": norm}
        pipeline.observe([Sample("run", "0", name, "", float(step), step, value) for name, value in values.items()], "")
    found = [one for one in pipeline.findings() if one.fault == "gradient_explosion_likely"]
    return sorted(found, key=lambda one: one.opened_time)


def test_a_run_that_explodes_slowly_is_announced_once():
    """The finding opens as the norm leaves its level, at least 20 steps before nothing is finite, and only once."""
    log = train(RAMPED)
    found = label(log)
    [finding] = replayed(log)
    assert 400 < finding.opened_step <= found.begins + 5
    assert found.breaks - finding.opened_step >= 20
    assert finding.severity == "warning"
    assert 0.5 < finding.confidence <= 1.0
    assert "within 50 steps has probability" in finding.evidence[0].sentence


def test_the_same_run_at_a_steady_rate_is_quiet():
    """Nothing opens in 1500 healthy steps, from the large norms of the start on."""
    assert replayed(train(STEADY)) == []


def test_the_forecast_knows_nothing_of_the_future():
    """Cutting a run off changes no probability before the cut."""
    log = train(RAMPED)
    whole = probabilities(log)
    for cut in (70, 300, 430, len(log) - 5):
        assert probabilities(log[:cut]) == whole[:cut]


def test_the_forecast_does_not_depend_on_the_unit():
    """Norms of another scale, and rates of another, are given the same probabilities."""
    log = train(RAMPED)[:450]
    scaled = log * (1.0, 1e-6, 1e3, 1.0)
    assert probabilities(scaled)[64:] == pytest.approx(probabilities(log)[64:], rel=1e-6)


def test_faster_growth_is_more_likely_to_explode():
    """After the same healthy past, the forecast rises with the growth of the next twenty steps."""
    past = healthy(300)
    told = []
    for growth in (1.0, 1.05, 1.1, 1.2, 1.4):
        hazard = ExplosionHazard()
        for norm in [*past, *(growth**step for step in range(1, 21))]:
            hazard.observe_norm(norm)
        told.append(hazard.probability)
    assert told == sorted(told)
    assert told[0] < 0.02
    assert told[-1] > 0.9


def test_one_harmless_spike_is_no_forecast():
    """A single norm at 30 times the level, and the steps after it, stay below one half."""
    hazard = ExplosionHazard()
    told = [hazard.observe_norm(norm) for norm in [*healthy(300), 30.0, *healthy(100, seed=9)]]
    assert max(told[301:]) < 0.5


def test_warming_up_is_unknown():
    """Until 64 norms have been seen nothing is known, nor on a step whose norm is not finite."""
    told = probabilities(train(STEADY))
    assert told[:63] == [None] * 63
    assert None not in told[63:]
    hazard = ExplosionHazard()
    assert [hazard.observe_norm(norm) for norm in [*healthy(70), math.nan, 0.0]][-2:] == [None, None]
    assert hazard.observe_norm(1.0) is not None


def test_a_declared_phase_starts_anew():
    """A phase that begins where the rate rises is no anomaly until it has warmed up."""
    log = train(RAMPED._replace(plan=RAMPED.plan._replace(factor=2.0)))
    assert all(finding.opened_step >= 400 + 63 for finding in replayed(log, cut=400))


def test_an_unlogged_learning_rate_is_one_that_does_not_change():
    """The forecast without a rate is that of a constant one."""
    norms = healthy(200, spread=0.4)
    without, constant = ExplosionHazard(), ExplosionHazard()
    for norm in norms:
        constant.features.observe_rate(0.1)
        assert without.observe_norm(norm) == constant.observe_norm(norm)


@given(st.lists(st.tuples(any_value, any_value), max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_stream_gives_a_probability_or_none(stream):
    """Whatever the norms and rates, an answer is a number in 0..1, and the state stays finite."""
    hazard = ExplosionHazard()
    for _ in range(64):
        hazard.observe_norm(1.0)
    for norm, rate in stream:
        hazard.features.observe_rate(rate)
        told = hazard.observe_norm(norm)
        assert told is None or 0.0 < told < 1.0
    levels = hazard.features.norms, hazard.features.rates
    assert all(math.isfinite(number) for level in levels for number in msgspec.structs.astuple(level))


@pytest.mark.parametrize("pollution", [[math.nan], [math.inf], [1e308], [5e-324, 0.0], [-1e12]])
def test_pollution_does_not_blind(pollution):
    """After odd values and some healthy ones, growth is forecast as on the clean stream."""
    told = []
    for odd in ([], pollution):
        hazard = ExplosionHazard()
        growing = [1.4**step for step in range(1, 16)]
        steps = [hazard.observe_norm(norm) for norm in [*healthy(200), *odd, *healthy(256, seed=5), *growing]]
        told.append(sum(one is not None and one > 0.5 for one in steps[-15:]))
    assert told[0] >= told[1] >= told[0] - 1 > 0


def test_the_state_survives_a_restart():
    """Saved and read back in the middle of a run, the detector goes on with the same probabilities."""
    detector = GradientExplosionLikely(probability=0.5)
    log = train(RAMPED)
    told = probabilities(log)
    for _, norm, rate, _ in log[:420].tolist():
        detector.hazard.features.observe_rate(rate)
        detector.hazard.observe_norm(norm)
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(detector), type=GradientExplosionLikely)
    assert saved.hazard.probability == told[419]
    for step, (_, norm, rate, _) in enumerate(log[420:440].tolist(), start=420):
        saved.hazard.features.observe_rate(rate)
        assert saved.hazard.observe_norm(norm) == told[step]


def test_a_state_of_before_there_was_a_forecast_goes_on():
    """A state saved without this detector is restored, and the forecast warms up."""
    log = train(STEADY)
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    samples = [Sample("run", "0", "grad_norm", "", float(step), step, norm) for step, norm in enumerate(log[:, 1])]
    pipeline.observe(samples[:100], "test")
    state = pipeline.state()
    del state.ranks[0].detectors["gradient_explosion_likely"]
    restored = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    restored.restore(state)
    restored.observe(samples[100:200], "test")
    assert restored.rank_of(samples[0]).explosion_hazard is not None


def test_a_threshold_that_is_no_probability_is_refused():
    """0 would always fire, 1 never."""
    for value in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            GradientExplosionLikely(probability=value)


def test_a_long_healthy_run_stays_quiet():
    """In 50,000 steps of heavy-tailed noise around a level, one half is exceeded at most twice."""
    rng = np.random.default_rng(4)
    hazard = ExplosionHazard()
    told = [hazard.observe_norm(math.exp(0.3 * value)) for value in rng.standard_t(4, 50_000)]
    assert sum(one > 0.5 for one in told[63:]) <= 2
