"""The explanation of a sample says what the pipeline did with it, and leaves the pipeline as it is."""

import math

import msgspec
import pytest

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.explaining import explain_rank, explain_signal, take_in
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import Admission, SeriesSettings
from runvitals.values import State
from tests.streams import healthy, samples

SETTINGS = SeriesSettings()
TABLE = resolve({})


def watched(items):
    """Return a pipeline that has taken the items in."""
    pipeline = Pipeline(SETTINGS, RankSettings(), TABLE)
    pipeline.observe(items, "test")
    return pipeline


def taken(pipeline, sample):
    return take_in(pipeline, sample, "test", SETTINGS, TABLE)


def explained(pipeline, sample):
    return explain_signal(taken(pipeline, sample), TABLE)


def stream(signal, values, newest):
    *past, last = samples(signal, [*values, newest])
    return watched(past), last


def fault(explanation, name):
    [one] = [one for one in explanation.faults if one.fault == name]
    return one


def test_the_numbers_are_those_of_the_pipeline():
    """Window, scores, verdict and the state of the fault are what the series and the rank then say."""
    pipeline, sample = stream("loss", healthy(300), 9.0)
    told = explained(pipeline, sample)
    series = pipeline.series_of(sample)
    view = series.view(sample.time)
    assert (told.window.mean, told.window.stddev, told.window.samples) == (view.mean, view.stddev, 256)
    assert (told.window.zscore, told.window.robust_zscore) == (view.zscore, view.robust_zscore)
    assert (told.anomaly.score, told.alert.score) == (series.anomaly.score, series.alert_score)
    spike = fault(told, "loss_spike")
    assert (spike.is_open, spike.verdict) == (True, State.FIRING)
    [finding] = explain_rank(pipeline.rank_of(sample)).findings
    assert spike.sentence == finding.evidence[0].sentence


def test_explaining_does_not_change_what_follows():
    """A pipeline that was asked at many steps ends in the same state as one that was not."""
    items = samples("grad_norm", [*healthy(90), math.nan, 0.0, *healthy(10, level=30.0)])
    asked = Pipeline(SETTINGS, RankSettings(), TABLE)
    for index, item in enumerate(items):
        explained(asked, item) if index % 13 in (0, 12) else asked.observe([item], "test")
    assert as_saved(asked) == as_saved(watched(items))


def as_saved(pipeline):
    """The state as bytes: a NaN in it equals itself there."""
    return msgspec.msgpack.encode(pipeline.state(), enc_hook=lambda window: window.values())


@pytest.mark.parametrize(
    ("signal", "name", "newest"),
    [("loss", "loss_spike", 1.0), ("loss", "loss_spike", 9.0), ("grad_norm", "gradient_explosion", 1.1)],
)
def test_the_nearest_threshold_is_where_the_verdict_turns(signal, name, newest):
    """One thousandth before the value that is named the real detector answers as it did, there it answers otherwise."""
    pipeline, sample = stream(signal, healthy(300), newest)
    one = taken(pipeline, sample)
    told = fault(explain_signal(one, TABLE), name)
    turn = told.turns_below if newest > 5.0 else told.turns_above
    short_of_it = turn + (newest - turn) * 1e-3
    for value, expected in ((short_of_it, told.verdict), (turn, _other(told.verdict))):
        assert one.before.verdict(name, value).state is expected


def _other(state):
    return State.OK if state is State.FIRING else State.FIRING


def test_a_sample_that_is_not_scored_says_why():
    """Not finite, late, the same again, the first of all: each its own sentence, and no score of another value."""
    pipeline, sample = stream("loss", healthy(100), math.nan)
    told = explained(pipeline, sample)
    assert (told.admission, told.anomaly, told.window.zscore) == (Admission.NONFINITE, None, None)
    assert "not finite" in told.window.unknown
    assert fault(told, "nonfinite_loss").verdict is State.FIRING
    late = explained(pipeline, sample._replace(step=90, value=1.0))
    assert (late.admission, late.faults) == (Admission.LATE, ())
    assert "late" in late.window.unknown
    assert "nothing new" in explained(pipeline, sample).window.unknown
    first = explained(Pipeline(SETTINGS, RankSettings(), TABLE), sample._replace(value=1.0))
    assert first.window.unknown == "warming up: 0 of 64 values"
    assert first.anomaly.unknown == "warming up: 0 of 64 values in the window"


def test_a_value_that_begins_a_new_segment_is_compared_with_nothing():
    """The step fell far back: the window is empty, whatever was known before."""
    pipeline, sample = stream("loss", healthy(300), 1.0)
    told = explained(pipeline, sample._replace(step=5))
    assert (told.window.samples, told.anomaly.score) == (0, None)
    assert told.anomaly.unknown == "warming up: 0 of 64 values in the window"


def test_a_rank_that_had_been_over_begins_anew():
    """After hours of silence the pipeline knows nothing of it any more, and the explanation does not either."""
    pipeline, sample = stream("loss", healthy(300), 9.0)
    told = explained(pipeline, sample._replace(time=sample.time + 1e5))
    assert told.window.samples == 0
    assert fault(told, "loss_spike").verdict is State.UNKNOWN


def test_what_the_pipeline_does_not_admit_has_no_explanation():
    """A series over the limit."""
    settings = SeriesSettings(max_series=1)
    pipeline = Pipeline(settings, RankSettings(), TABLE)
    first, second = samples("loss", [1.0])[0], samples("grad_norm", [1.0])[0]
    assert take_in(pipeline, first, "test", settings, TABLE) is not None
    assert take_in(pipeline, second, "test", settings, TABLE) is None


def test_a_fault_that_is_switched_off_says_so():
    """Its verdict is told, and that it never opens."""
    pipeline, sample = stream("loss", healthy(300), 9.0)
    told = explain_signal(taken(pipeline, sample), TABLE._replace(disabled=frozenset({"loss_spike"})))
    assert not fault(told, "loss_spike").enabled


def test_the_explosion_probabilities_add_up():
    """Intercept and contributions are the logit; both probabilities are the page's; warming up is counted."""
    pipeline, sample = stream("grad_norm", healthy(200), 1.2)
    pipeline.observe([sample], "test")
    rank = pipeline.rank_of(sample)
    told = explain_rank(rank)
    assert told.next_step.probability == rank.explosion_probability
    assert told.hazard.probability == rank.explosion_hazard
    assert told.hazard.logit == pytest.approx(
        told.hazard.intercept + sum(one.contribution for one in told.hazard.features)
    )
    short = explain_rank(watched(samples("grad_norm", healthy(10))).rank_of(sample))
    assert short.next_step.unknown == "warming up: 9 of 16 relative changes"
    assert short.hazard.unknown == "warming up: 10 of 64 gradient norms"
    assert explain_rank(watched(samples("loss", healthy(10))).rank_of(sample)).hazard is None


def test_a_layer_of_any_signal_is_scored():
    """Where no fault reads it, there is still its anomaly score."""
    past = [one._replace(layer="h.1") for one in samples("attention_entropy", [*healthy(200), 9.0])]
    told = explained(watched(past[:-1]), past[-1])
    assert told.faults == ()
    assert told.anomaly.score > 2.0
