"""`resume_lost_state` tells a resume that has thrown the run back."""

import math

import pytest

from runvitals.values import EventKind, State
from tests.detectors.learning.watched import event, findings, items, learning, noisy, trained, verdicts
from tests.streams import started
from tests.test_replay import real, replay

BEFORE = noisy(learning(1000))
LOST = noisy([0.9 + 1.2 * math.exp(-step / 100) for step in range(600)], seed=1)
HEALTHY = noisy([0.9] * 400, seed=1)


def lost(log):
    return findings(log).get("resume_lost_state")


@pytest.mark.parametrize("sign", ["declared", "started again", "went back"])
def test_a_loss_that_comes_back_high_is_told_after_32_steps_and_closes_when_it_has_come_down(sign):
    """However the resume shows: by a mark, by a new process, or by its steps."""
    signs = {"declared": [event(EventKind.RESUME, 900)], "started again": [started(time=1_001_100.0)], "went back": []}
    finding = lost([*items(BEFORE), *signs[sign], *items(LOST, first_step=900)])
    assert finding.opened_step == 931
    assert 1000 < finding.closed_step < 1400
    assert "around that step it was at most" in finding.evidence[0].sentence


def test_a_real_training_that_resumes_with_new_weights_is_told_and_one_with_its_own_is_not():
    """The weights are lost, or kept; the optimizer's momentum is lost in both, which a few steps heal."""
    setting = {"rate": 0.02, "optimizer": "momentum", "batch": 64}
    first, _, weights = trained("perceptron", 0, steps=500, **setting)
    new, _, _ = trained("perceptron", 0, steps=100, **setting)
    kept, _, _ = trained("perceptron", 0, steps=100, weights=weights, **setting)
    assert lost([*items(first), event(EventKind.RESUME, 501), *items(new, first_step=501)]) is not None
    assert lost([*items(first), event(EventKind.RESUME, 501), *items(kept, first_step=501)]) is None


BUMP = noisy([0.9 + 3.0 * math.exp(-step / 6) for step in range(400)], seed=1)
MICRO_BATCHES = [
    one for step, loss in enumerate(noisy(learning(2000)), 1) for one in items([loss], first_step=step // 4)
]


@pytest.mark.parametrize(
    "log",
    [
        [*items(BEFORE), event(EventKind.RESUME, 900), *items(HEALTHY, first_step=900)],
        [*items(BEFORE), event(EventKind.RESUME, 900), *items(BUMP, first_step=900)],
        [*items(BEFORE), started(time=1_001_100.0), *items(noisy(learning(1000), seed=2))],
        [*items(BEFORE), event(EventKind.PHASE, 1001), *items(noisy([2.5] * 400), first_step=1001)],
        MICRO_BATCHES,
        items(noisy(learning(2000), spread=1.0)),
    ],
    ids=["healthy resume", "short bump", "from scratch", "phase", "micro-batches", "batch of 1"],
)
def test_what_heals_begins_anew_or_is_declared_another_task_is_none(log):
    """And none of the other faults of this family is found in them."""
    assert not findings(log)


def test_steps_that_are_logged_several_times_leave_nothing_unknown():
    """With four micro-batches a step the detector still knows the level."""
    assert verdicts("resume_lost_state", MICRO_BATCHES)[-1].state is State.OK


def test_the_recorded_resumes_with_lost_state_are_told(tmp_path):
    """Three resumes of a public run begin at eight instead of five; each is told, at 32 logged losses."""
    _, found = replay(tmp_path, real("chat_resume.csv"))
    steps = [one["opened_step"] for one in found if one["fault"] == "resume_lost_state"]
    assert steps == [50650, 55600, 91650]
