"""An unknown fault says what it would need."""

import json
import logging
import math

import pytest

from runvitals.catalogue import faults
from runvitals.diagnosis.needs import REPORTED, SWITCHED_OFF, needs
from runvitals.diagnosis.settings import FaultSettings
from runvitals.exposition.faults_json import faults_json
from runvitals.exposition.log_once import LogOnce
from runvitals.values import State
from tests.diagnosis.story import START, Story, step_of


def test_a_missing_signal_is_named():
    """Any one of the signals would do."""
    assert needs(faults.NONFINITE_LOSS, {}, 64) == ["loss or eval_loss"]


def test_a_warm_up_says_how_far_it_has_come():
    """17 of 64 values."""
    assert needs(faults.LOSS_SPIKE, {"loss": 17}, 64) == ["warming up, 17 of 64"]


def test_a_missing_context_is_named_once_its_signal_is_warm():
    """The detector lacks what it would know besides."""
    assert needs(faults.GRADIENT_EXPLOSION_LIKELY, {"grad_norm": 64}, 64) == ["learning_rate"]


def test_what_rests_on_events_needs_a_source_that_tells_them():
    """A crash cannot be seen in values that come by StatsD."""
    assert needs(faults.RUN_CRASHED, {"loss": 256}, 64) == [REPORTED]


def test_what_is_switched_off_says_so():
    """It is unknown because somebody wanted it so."""
    assert needs(faults.LOSS_SPIKE, {"loss": 256}, 64, disabled=True) == [SWITCHED_OFF]


@pytest.mark.parametrize("fault", [one for one in faults.ALL if one.scope == "rank"], ids=lambda one: one.name)
@pytest.mark.parametrize("count", [None, 0, 17, 64])
def test_every_fault_of_the_catalogue_has_an_answer(fault, count):
    """Whatever has been seen, something is named."""
    seen = {} if count is None else dict.fromkeys(fault.signals, count)
    found = needs(fault, seen, 64)
    assert found
    assert all(found)


def served(story):
    snapshot = story.pipeline.snapshot(START + 200.0, (), ready=True)
    entries = json.loads(faults_json(snapshot, LogOnce(logging.getLogger("test"))))
    return {one["fault"]: one for one in entries}


def test_faults_lists_every_fault_of_every_rank_with_its_state():
    """`/faults` agrees with `runvitals_faults`, and only what is unknown needs anything."""
    story = Story({"loss_spike": FaultSettings(enabled=False)})
    story.observe([one for step in range(1, 11) for one in step_of(step, loss=2.0, grad_norm=1.0)])
    story.observe(step_of(11, loss=math.nan))
    listed = served(story)
    [rank] = story.pipeline.snapshot(START, (), ready=True).ranks
    states = [State(one["state"]) for one in listed.values()]
    assert {state: states.count(state) for state in State} == rank.fault_states
    assert listed["nonfinite_loss"] == {"run": "run", "rank": "0", "fault": "nonfinite_loss", "state": "firing"}
    assert listed["gradient_explosion"]["needs"] == ["warming up, 9 of 16"]
    assert listed["loss_spike"]["needs"] == [SWITCHED_OFF]
    assert all(("needs" in one) == (one["state"] == "unknown") for one in listed.values())


def test_without_a_snapshot_nothing_is_listed():
    """Before the first tick nothing is known, not even what is unknown."""
    assert json.loads(faults_json(None, LogOnce(logging.getLogger("test")))) == []
