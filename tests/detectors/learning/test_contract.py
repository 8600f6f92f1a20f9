"""What holds for each of the faults that the course of the loss tells."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.catalogue import faults
from runvitals.detectors import DETECTORS
from runvitals.values import State
from tests.detectors.learning.watched import FAULTS, findings, items, learning, noisy, sample, verdicts
from tests.streams import any_value

NAMES = sorted(FAULTS)


def eventful(seed):
    """A log that learns, climbs, goes back and cycles, with all signals of the family."""
    rng = random.Random(seed)
    cycle = [1.0 + 0.4 * (step % 2) for step in range(200)]
    losses = noisy([*learning(500), *[3.0] * 100, *learning(300), *cycle], seed=seed)
    evaluations = {step: 1.0 + step / 500 + rng.gauss(0.0, 0.01) for step in range(20, 1100, 20)}
    log = items(losses, rate=0.1, evaluations=evaluations)
    return [*log, *items(noisy([4.0] * 200, seed=seed), first_step=600, rate=0.1)]


@pytest.mark.parametrize("name", NAMES)
def test_a_restart_of_the_sidecar_changes_nothing(name):
    """Saved and read back at any moment, the detector answers as the uninterrupted one does."""
    log = eventful(1)
    places = random.Random(2).sample(range(len(log)), 60)
    assert verdicts(name, log, restarts=places) == verdicts(name, log)


def test_the_eventful_log_is_one():
    """The log above makes faults fire, so that what is compared is not only silence."""
    fired = {name for name in NAMES if State.FIRING in {verdict.state for verdict in verdicts(name, eventful(1))}}
    assert {"divergence", "oscillation", "resume_lost_state"} <= fired


@pytest.mark.parametrize("name", NAMES)
@given(st.lists(st.tuples(st.sampled_from(["loss", "loss", "eval_loss", "learning_rate"]), any_value), max_size=400))
@settings(max_examples=40, deadline=None)
def test_any_values_in_any_order_give_sound_verdicts(name, values):
    """Whatever comes, every number in a verdict and its evidence is finite."""
    log = [sample(signal, step, value) for step, (signal, value) in enumerate(values)]
    for verdict in verdicts(name, log):
        evidence = verdict.evidence
        assert (evidence is not None) == (verdict.state is State.FIRING)
        numbers = [verdict.score, verdict.confidence]
        numbers += [evidence.value, evidence.expected_low, evidence.expected_high] if evidence else []
        assert all(number is None or math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_stays_small(name):
    """After 20,000 losses the saved state of one detector is below 3 kB."""
    import msgspec

    from runvitals.diagnosis.settings import resolve
    from runvitals.pipeline.rank import make_detectors
    from runvitals.series import Admission, Baseline, Series, SeriesKey, SlidingMaximum

    detector = make_detectors(resolve({}))[name]
    series = Series(SeriesKey("run", "0", "loss", ""), Baseline.of_size(2, 2), SlidingMaximum())
    for step, value in enumerate(noisy(learning(20_000))):
        detector.observe(sample("loss", step, value), series, Admission.SCORED)
    assert len(msgspec.msgpack.encode(detector)) < 3000


@pytest.mark.parametrize("name", NAMES)
def test_thresholds_that_make_no_sense_are_refused(name):
    """Each threshold set to 0 or below is refused in a sentence that names the fault."""
    fault = faults.BY_NAME[name]
    good = {key: threshold.value for key, threshold in fault.thresholds.items()}
    DETECTORS[name](**good)
    for key in good:
        with pytest.raises(ValueError, match=name):
            DETECTORS[name](**{**good, key: -1.0})


def test_healthy_courses_have_no_findings():
    """Warm restarts of the learning rate, decay, pauses of logging, and two decimals: none of the faults opens."""
    restarts = noisy([*learning(400), *[0.9 + 0.3 * math.exp(-(step % 400) / 60) for step in range(1600)]])
    decay = noisy([*learning(600), *[0.7 if step < 400 else 0.65 for step in range(800)]])
    rounded = [round(loss, 2) for loss in noisy(learning(1500, end=0.05, scale=100.0))]
    paused = [one for one in items(noisy(learning(1500)), rate=0.1) if one.step % 10 == 0]
    cosine = items(restarts, rate=lambda step: 0.05 + 0.05 * math.cos(math.pi * (step % 400) / 400))
    for log in (cosine, items(decay, rate=lambda step: 0.1 ** (1 + step // 600)), items(rounded, rate=0.1), paused):
        assert not findings(log)
