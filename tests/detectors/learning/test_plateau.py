"""`plateau` tells a run that has stopped learning before its time."""

import math

import pytest

from runvitals.catalogue import faults
from runvitals.values import State
from tests.detectors.learning.watched import findings, items, learning, noisy, verdicts


def plateau(losses, **more):
    return findings(items(losses, **more)).get("plateau")


STUCK = noisy(learning(3000, start=2.3, end=1.6), spread=0.02)


def test_a_run_that_gains_nothing_in_its_second_half_is_told_and_pages_nobody():
    """From 2.3 to 1.6 in 500 steps, then nothing for 1,500 with the learning rate up."""
    finding = plateau(STUCK, rate=0.01)
    assert finding.opened_step < 3000
    assert finding.severity == "info"
    assert "has stayed at 1.6" in finding.evidence[0].sentence


@pytest.mark.parametrize(
    ("losses", "more"),
    [
        (noisy([6.0 * (step + 10) ** -0.05 for step in range(6000)], spread=0.02), {"rate": 0.01}),
        (noisy(learning(3000, start=2.3, end=0.2), spread=0.1), {"rate": 0.01}),
        (STUCK, {"rate": lambda step: 0.01 * (1 + math.cos(math.pi * min(step / 1200, 1.0))) + 1e-5}),
        (noisy(learning(3000, start=2.3, end=1.6), spread=0.8), {"rate": 0.01}),
        (noisy([1.6] * 3000, spread=0.02), {"rate": 0.01}),
    ],
    ids=["power law", "converged", "end of schedule", "too noisy to know", "never learnt"],
)
def test_what_still_learns_or_is_done_is_none(losses, more):
    """A healthy loss falls as a power of the steps; a converged run and a schedule that has ended are no plateau."""
    assert plateau(losses, **more) is None


def test_without_the_learning_rate_it_is_unknown():
    """The end of a schedule could not be told from a plateau."""
    assert faults.PLATEAU.context == ("learning_rate",)
    assert {verdict.state for verdict in verdicts("plateau", items(STUCK))} == {State.UNKNOWN}
