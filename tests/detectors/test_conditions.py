"""What a detector says its verdict rests on is what its verdict rests on."""

from copy import deepcopy
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runvitals.detectors.condition import Explained
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.rank import make_detectors
from runvitals.series import Admission, SeriesSettings, SeriesStore
from runvitals.values import State
from tests.streams import any_value, healthy, samples

SETTINGS = SeriesSettings(window=32, minimum=16)
TABLE = resolve({})
EXPLAINED = sorted(name for name, one in make_detectors(TABLE).items() if isinstance(one, Explained))


def test_the_detectors_with_thresholds_explain_themselves():
    """These five did; one that is new may, and is listed here by itself."""
    assert {"gradient_explosion", "gradient_explosion_likely", "loss_spike", "nonfinite_gradient"} <= set(EXPLAINED)


@pytest.mark.parametrize("name", EXPLAINED)
@given(st.lists(st.one_of(any_value, st.floats(0.5, 50.0)), max_size=40), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_verdict_fires_exactly_where_its_conditions_are_met(name, tail, seed):
    """Each group of conditions has one that is met: then, and only then, it fires. Their names are the catalogue's."""
    fault = TABLE.faults[name]
    detector, store = make_detectors(TABLE)[name], SeriesStore(SETTINGS)
    for item in samples(fault.signals[0], [*healthy(40, seed=seed), *tail]):
        series = store.get(item, "test")
        admission = series.admit(item, SETTINGS)
        if admission not in (Admission.SCORED, Admission.NONFINITE):
            continue
        conditions = deepcopy(detector).conditions(item, series, admission)
        verdict = detector.observe(item, series, admission)
        assert {one.name for one in conditions} <= set(fault.thresholds)
        if conditions and verdict.state is not State.UNKNOWN:
            assert all_met(conditions) == (verdict.state is State.FIRING)


def all_met(conditions):
    groups = groupby(enumerate(conditions), lambda one: one[1].group or one[0])
    return all(any(condition.is_met for _, condition in members) for _, members in groups)
