"""Each detector is right on what it is for, silent on what it is not, and stays sound on anything."""

import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.detectors import AnyDetector
from runvitals.detectors.explosion_probability import ExplosionProbability
from runvitals.detectors.run_end import verdict_on_end
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline.rank import make_detectors, make_hang
from runvitals.series import Admission, SeriesSettings, SeriesStore
from runvitals.stats.normal import upper_tail
from runvitals.values import Event, EventKind, Sample, State
from tests.streams import any_step, any_value, healthy, samples

SETTINGS = SeriesSettings()
TABLE = resolve({})
NAMES = sorted(make_detectors(TABLE))
SIGNALS = {name: TABLE.faults[name].signals[0] for name in NAMES}
HEALTHY_LEVELS = {
    "loss_scale": 65536.0,
    "update_ratio": 1e-3,
    "dead_units_ratio": 0.05,
    "saturated_activations_ratio": 0.05,
    "memory_utilization_ratio": 0.3,
}
"""Where a healthy signal is not around 1."""
HEALTHY_CONSTANTS = {"input_nonfinite_ratio": 0.0}
"""What a healthy signal always is."""


def healthy_values(signal, count):
    if signal in HEALTHY_CONSTANTS:
        return [HEALTHY_CONSTANTS[signal]] * count
    return healthy(count, seed=3, level=HEALTHY_LEVELS.get(signal, 1.0))


def verdicts(name, items):
    detector, store = make_detectors(TABLE)[name], SeriesStore(SETTINGS)
    answers = []
    for item in items:
        series = store.get(item, "test")
        admission = series.admit(item, SETTINGS)
        if admission in (Admission.SCORED, Admission.NONFINITE):
            answers.append(detector.observe(item, series, admission))
    return answers


def assert_sound(verdict):
    if verdict is None:
        return
    assert verdict.state in State
    assert verdict.score is None or math.isfinite(verdict.score)
    assert 0.0 <= verdict.confidence <= 1.0
    assert (verdict.evidence is not None) == (verdict.state is State.FIRING)


def states(name, values):
    return [answer.state for answer in verdicts(name, samples(SIGNALS[name], values)) if answer is not None]


def hostile(name, count, seed):
    """Samples of all signals that a fault watches, on two layers, with values and times of any kind."""
    rng, fault, time = random.Random(seed), TABLE.faults[name], 1_000_000.0
    levels = [0.0, 0.5, 1.0, 1.0, 2.0**36, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, -7.0]
    for number in range(count):
        time += rng.choice([0.0, 1.0, 1.0, 15.0, 15.0, 60.0, 1000.0, 400_000.0, -30.0, -500_000.0])
        value = rng.choice(levels) if rng.random() < 0.3 else rng.lognormvariate(0.0, 1.0)
        layer = rng.choice(["", "gpu1"]) if fault.has_layers else ""
        step = None if rng.random() < 0.3 else number + rng.choice([0, 0, 0, -500])
        yield Sample("run", "0", rng.choice((*fault.signals, *fault.context)), layer, time, step, value)


@pytest.mark.parametrize("name", NAMES)
@given(st.lists(st.tuples(any_value, any_step), max_size=150))
@settings(max_examples=60, deadline=None)
def test_any_stream_gives_a_sound_verdict(name, stream):
    """Whatever comes, there is one of three answers, every number in it is finite, and firing has evidence."""
    items = [
        sample._replace(step=step)
        for sample, (_, step) in zip(samples(SIGNALS[name], [value for value, _ in stream]), stream, strict=True)
    ]
    for verdict in verdicts(name, items):
        assert_sound(verdict)


@pytest.mark.parametrize("name", NAMES)
def test_any_stream_of_all_its_signals_leaves_it_sound_and_small(name):
    """Odd values, gaps of days and clocks that go back, on every signal and layer: sound, and within 32 kB a layer."""
    detector, store = make_detectors(TABLE)[name], SeriesStore(SETTINGS)
    for item in hostile(name, 6000, seed=8):
        series = store.get(item, "test")
        admission = series.admit(item, SETTINGS)
        if admission in (Admission.SCORED, Admission.NONFINITE):
            verdict = detector.observe(item, series, admission)
            if verdict is not None:
                assert_sound(verdict)
    assert len(msgspec.msgpack.encode(detector, enc_hook=checkpoint._encode)) <= 64 * 1024


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_goes_on_after_a_restart_as_if_there_had_been_none(name):
    """Its state is plain data: what was saved in the middle gives the verdicts that the original gives."""
    original, store = make_detectors(TABLE)[name], SeriesStore(SETTINGS)
    for number, item in enumerate(hostile(name, 1200, seed=9)):
        series = store.get(item, "test")
        admission = series.admit(item, SETTINGS)
        if number == 700:
            data = msgspec.msgpack.encode(original, enc_hook=checkpoint._encode)
            restored = msgspec.msgpack.decode(data, type=AnyDetector, dec_hook=checkpoint._decode)
        if admission in (Admission.SCORED, Admission.NONFINITE):
            verdict = original.observe(item, series, admission)
            if number >= 700:
                assert repr(restored.observe(item, series, admission)) == repr(verdict)


def watched_by(fault):
    """Every signal that the fault's detector sees, of the rank and, where it looks at layers, of two of them."""
    layers = ["", "first", "last"] if fault.has_layers else [""]
    return [(signal, layer) for signal in (*fault.signals, *fault.context) for layer in layers]


@pytest.mark.parametrize("name", NAMES)
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_any_streams_together_give_sound_verdicts_and_a_state_that_can_be_saved(name, data):
    """All signals of a fault, with odd values and steps: sound answers, and a state that survives a restart."""
    fault = TABLE.faults[name]
    place = st.sampled_from(watched_by(fault))
    steps = st.one_of(st.integers(0, 40), any_step)
    stream = data.draw(st.lists(st.tuples(place, st.one_of(any_value, st.floats(0.0, 1.0)), steps), max_size=120))
    items = [
        Sample("run", "0", signal, layer, 1e6 + index, step, value)
        for index, ((signal, layer), value, step) in enumerate(stream)
    ]
    detector, store = make_detectors(TABLE)[name], SeriesStore(SETTINGS)
    for item in items:
        series = store.get(item, "test")
        admission = series.admit(item, SETTINGS)
        if admission in (Admission.SCORED, Admission.NONFINITE):
            verdict = detector.observe(item, series, admission)
            assert_sound(verdict)
    saved = msgspec.msgpack.encode(detector, enc_hook=checkpoint._encode)
    again = msgspec.msgpack.decode(saved, type=AnyDetector, dec_hook=checkpoint._decode)
    assert msgspec.msgpack.encode(again, enc_hook=checkpoint._encode) == saved


@pytest.mark.parametrize("name", NAMES)
def test_healthy_noise_never_fires(name):
    """In 20,000 healthy steps nothing fires."""
    assert State.FIRING not in states(name, healthy_values(SIGNALS[name], 20_000))


@pytest.mark.parametrize("name", ["gradient_explosion", "loss_spike"])
def test_warming_up_is_unknown(name):
    """Until 64 values have been seen nothing is known; then the healthy value is ok."""
    answers = states(name, healthy(80))
    assert set(answers[:64]) == {State.UNKNOWN}
    assert set(answers[64:]) == {State.OK}


@pytest.mark.parametrize("name", ["gradient_explosion", "loss_spike"])
@pytest.mark.parametrize("pollution", [[math.nan], [math.inf, -math.inf], [1e308], [5e-324, 0.0], [-1e12]])
def test_pollution_does_not_blind(name, pollution):
    """After odd values and a window of healthy ones, an anomaly is seen as at once as on the clean stream."""
    answers = states(name, [*healthy(100), *pollution, *healthy(300, seed=5), 60.0, 70.0])
    assert answers[-2:] == [State.FIRING] * 2


@pytest.mark.parametrize("name", ["gradient_explosion", "loss_spike"])
@pytest.mark.parametrize("values", [[2.0] * 400, [0.25, 0.26] * 200, [1.0] * 399 + [1.01]])
def test_quantised_and_constant_signals_do_not_fire(name, values):
    """Rounding is not an anomaly."""
    assert State.FIRING not in states(name, values)


def test_nonfinite_needs_no_warm_up():
    """The very first value may be NaN, and each of the three kinds is one."""
    assert states("nonfinite_loss", [math.nan, 1.0, math.inf, -math.inf]) == [
        State.FIRING,
        State.OK,
        State.FIRING,
        State.FIRING,
    ]


def test_a_loss_scaler_at_work_is_healthy():
    """With a loss scale up to three overflows in a row are the scaler's; the fourth is not."""
    items = []
    for step, value in enumerate([1.0, math.inf, 1.0, math.inf, math.inf, math.inf, math.nan], start=1):
        items += samples("loss_scale", [65536.0 / step], first_step=step)
        items += samples("grad_norm", [value], first_step=step)
    answers = [answer.state for answer in verdicts("nonfinite_gradient", items) if answer is not None]
    assert answers == [State.OK] * 6 + [State.FIRING]
    assert states("nonfinite_gradient", [1.0, math.inf])[-1] is State.FIRING


def test_an_explosion_is_seen_while_it_grows():
    """A norm that grows by 30 % a step fires before it is 20 times its level, and says by how much."""
    growing = [1.3**step for step in range(1, 20)]
    answers = verdicts("gradient_explosion", samples("grad_norm", [*healthy(200), *growing]))
    first = next(index for index, answer in enumerate(answers) if answer.state is State.FIRING)
    assert growing[first - 200] < 20.0
    assert "times its median" in answers[first].evidence.sentence


def test_a_higher_level_reached_slowly_is_not_an_explosion():
    """A norm that doubles over a thousand steps is training."""
    drifting = [value * 2.0 ** (step / 1000) for step, value in enumerate(healthy(1000))]
    assert State.FIRING not in states("gradient_explosion", drifting)


def test_the_explosion_probability_is_the_formula():
    """P = Q((C - mean)/deviation) over the last 32 relative changes, the newest included."""
    import numpy as np

    norms = healthy(100, spread=0.4)
    forecast = ExplosionProbability(1.0)
    for norm in norms:
        forecast.observe(norm)
    changes = np.abs(np.diff(norms)) / np.array(norms[:-1])
    recent = changes[-32:]
    assert forecast.probability == pytest.approx(upper_tail((1.0 - recent.mean()) / recent.std(ddof=1)), rel=1e-9)


def test_the_explosion_probability_is_unknown_before_16_changes_or_without_spread():
    """17 norms give 16 changes; equal norms give no answer."""
    forecast = ExplosionProbability(1.0)
    for norm in healthy(16):
        forecast.observe(norm)
    assert forecast.probability is None
    forecast.observe(1.1)
    assert forecast.probability is not None
    constant = ExplosionProbability(1.0)
    for _ in range(50):
        constant.observe(2.0)
    assert constant.probability is None


def test_changes_that_cannot_be_formed_are_skipped_and_counted():
    """A zero before, a value that is not finite, an overflow, and the start of a segment each have their count."""
    forecast = ExplosionProbability(1.0)
    for norm in [1.0, 0.0, 1.0, math.nan, 1.0, 5e-324, 1e308]:
        forecast.observe(norm)
    assert forecast.skipped == {"segment_start": 1, "zero_norm": 1, "nonfinite": 2, "overflow": 1}
    assert len(forecast.changes) == 2


def test_a_threshold_on_the_change_below_one_is_refused():
    """A fall alone has a relative change of up to 1, so C below 1 is no explosion."""
    with pytest.raises(ValueError, match="at least 1"):
        ExplosionProbability(0.5)


def test_a_negative_loss_is_judged_too():
    """A loss below zero has no logarithm; a jump is still seen after a warm-up."""
    values = [value - 3.0 for value in healthy(300, spread=0.05)]
    answers = states("loss_spike", [*values, 5.0])
    assert answers[-1] is State.FIRING
    assert State.FIRING not in answers[:-1]


def test_a_loss_of_zero_is_passed_over():
    """Masked batches and hinges: heavy-tailed losses among which some are exactly 0 do not fire, and a spike does."""
    rng = random.Random(1)
    values = [0.0 if rng.random() < 0.05 else value for value in healthy(2000, spread=1.0, seed=6)]
    answers = states("loss_spike", [*values, 1e8])
    assert answers[-1] is State.FIRING
    assert State.FIRING not in answers[:-1]


def test_a_stall_is_dated_to_when_the_step_fell_due():
    """After steps a second apart, the next is overdue after 60 s, however late one looks."""
    stall = make_hang(TABLE)
    assert stall.verdict(0.0).state is State.UNKNOWN
    stall.start(0.0)
    for step in range(100):
        stall.advance_step(step, float(step))
    assert stall.verdict(99.0 + 60.0).state is State.OK
    assert stall.verdict(99.0 + 61.0).evidence.time == stall.verdict(5000.0).evidence.time == 99.0 + 60.0


def test_a_start_and_an_announced_pause_are_given_time():
    """Before the first step, in the first steps and after an evaluation mark, twenty minutes may pass."""
    stall = make_hang(TABLE)
    stall.start(0.0)
    assert stall.verdict(1199.0).state is State.OK
    assert stall.verdict(1201.0).state is State.FIRING
    for step in range(100):
        stall.advance_step(step, 1300.0 + step)
    stall.pause(1400.0)
    assert stall.verdict(2500.0).state is State.OK
    stall.advance_step(100, 2500.0)
    assert stall.verdict(2561.0).state is State.FIRING


@pytest.mark.parametrize(
    ("kind", "text", "live", "fires"),
    [
        (EventKind.RUN_CRASHED, "", True, True),
        (EventKind.RUN_RAISED, "ValueError", True, True),
        (EventKind.RUN_RAISED, "KeyboardInterrupt", True, False),
        (EventKind.RUN_FINISHED, "", True, False),
        (EventKind.RUN_CRASHED, "", False, False),
    ],
)
def test_only_an_end_that_was_seen_and_not_meant_is_a_crash(kind, text, live, fires):
    """A run that finished, was stopped by its user, or had ended before anyone looked, is no fault."""
    verdict = verdict_on_end(Event(kind, "run", "0", 1.0, text=text, seen_live=live))
    assert (verdict is not None) is fires


@pytest.mark.parametrize(("name", "factor"), [("loss_spike", 2.3), ("gradient_explosion", 100.0)])
def test_what_stays_wrong_does_not_become_usual(name, factor):
    """A level that is up for good fires for a whole window; then the new level is accepted, and said to be one."""
    values = [*healthy(300, spread=0.05), *healthy(500, seed=9, level=factor, spread=0.05)]
    answers = verdicts(name, samples(SIGNALS[name], values))
    states_after = [answer.state for answer in answers[300:]]
    assert states_after[:256] == [State.FIRING] * 256
    assert set(states_after[258:320]) == {State.UNKNOWN}
    assert set(states_after[330:]) == {State.OK}
    assert answers[-1].note == "settled at a new level"


@pytest.mark.parametrize(("name", "factor"), [("loss_spike", 1.6), ("gradient_explosion", 20.0)])
def test_what_comes_every_twenty_steps_is_usual(name, factor):
    """Bad batches that are part of the data, a spike in one step of twenty, soon fire at hardly any step."""
    values = [value * (factor if step % 20 == 7 else 1.0) for step, value in enumerate(healthy(5000, spread=0.05))]
    answers = states(name, values)
    assert answers[1000:].count(State.FIRING) <= 8  # of 200


def test_an_anomaly_after_a_recovery_is_seen_at_once():
    """What was withheld from the window leaves it as sharp as before."""
    burst = [50.0] * 40
    values = [*healthy(300), *burst, *healthy(100, seed=2), *burst]
    answers = states("gradient_explosion", values)
    assert answers[300] is State.FIRING
    assert answers[440] is State.FIRING
