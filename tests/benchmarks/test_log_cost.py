"""The promises about what `run.log` costs."""

from __future__ import annotations

import pytest

from tests.benchmarks.log_cost import CONTENDERS, LABELLED, UNLABELLED, microseconds_per_step

ATTEMPTS = 5


@pytest.mark.slow
def test_log_costs_less_than_the_gauges_people_set_today() -> None:
    """Ten scalars cost at most 0.6 of ten unlabelled gauge sets and a sixth of ten labelled ones."""
    log = next(iter(CONTENDERS))
    ratios = []
    for _ in range(ATTEMPTS):  # a neighbour on the same core may spoil one measurement, not five
        costs = microseconds_per_step()
        ratios.append((costs[log] / costs[UNLABELLED], costs[log] / costs[LABELLED]))
        print(f"of unlabelled sets: {ratios[-1][0]:.2f}, of labelled sets: {ratios[-1][1]:.3f}")
        if ratios[-1][0] <= 0.6 and ratios[-1][1] <= 1 / 6:
            return
    pytest.fail(f"ratios to unlabelled and labelled gauge sets: {ratios}")
