"""What Keras's threads tell out of order is taken in order."""

import math
from itertools import permutations

import pytest

from runvitals.training.batch_losses import BatchLosses
from runvitals.training.in_order import InOrder


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_batches_are_taken_in_the_order_in_which_they_began(order):
    """However the ends come, each execution is handed on once, in order, with its own first and last batch."""
    ends = [1, 3, 4, 7]  # executions of two, two, one and three batches
    taken = []
    batches = InOrder(lambda *given: taken.append(given))
    for first in (0, 2, 4, 5):
        batches.begin(first)
    for place in order:
        batches.end(ends[place], place)
    assert taken == [(0, 1, 0), (2, 3, 1), (4, 4, 2), (5, 7, 3)]


def test_losses_are_those_whose_mean_is_reported():
    """From the running mean of any losses the losses come back, of one batch or the mean of several."""
    losses = [3.0, 1.5, 0.25, 8.0, 2.0]
    alone, pairs = BatchLosses(), BatchLosses()
    means = [math.fsum(losses[: count + 1]) / (count + 1) for count in range(5)]
    assert [alone.take(batch, mean) for batch, mean in enumerate(means)] == pytest.approx(losses)
    assert [pairs.take(1, means[1]), pairs.take(3, means[3])] == pytest.approx([2.25, 4.125])


def test_after_a_mean_that_is_not_finite_losses_are_unknown():
    """The loss that made it so is told; those after it are not."""
    losses = BatchLosses()
    assert losses.take(0, 1.0) == 1.0
    assert math.isnan(losses.take(1, math.nan))
    assert losses.take(2, math.nan) is None
