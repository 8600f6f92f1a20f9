"""Step times of real training runs: silent as they are, and seen where the same run is made slow."""

import csv
from itertools import pairwise

import pytest

from tests.detectors.traces import Watch, steps
from tests.test_replay import DATA

RUNS = ["gpt2_124m_long", "gpt2_124m_muon", "gpt2_124m_soap", "gpt2_1b"]
NAMES = ["fail_slow", "throughput_drop"]


def recorded(run):
    """Durations of the steps, from a clock in milliseconds that stands still during evaluations."""
    file = DATA / "training_logs" / f"{run}.csv"
    if not file.exists():
        pytest.skip(f"needs {file}")
    with file.open() as lines:
        clock = [float(row["train_time_ms"]) / 1000.0 for row in csv.DictReader(lines) if row["train_time_ms"]]
    return [after - before for before, after in pairwise(clock) if after > before]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_run_is_silent(name, run):
    """Eleven hours of four runs, one of them with an optimizer that is slow every 10th step."""
    watch = Watch(name).show(steps(recorded(run)))
    assert not watch.fired
    assert watch.verdicts


@pytest.mark.parametrize(("name", "factor"), [("fail_slow", 1.35), ("throughput_drop", 1.9)])
@pytest.mark.parametrize("run", RUNS)
def test_a_recorded_run_that_is_made_slow_is_found(name, factor, run):
    """From the middle on every step takes longer: one finding, in its first minutes."""
    durations = recorded(run)
    middle = len(durations) // 2
    watch = Watch(name).show(steps([*durations[:middle], *(factor * one for one in durations[middle:])]))
    [opened] = watch.opened
    slow = sum(factor * one for one in durations[middle : opened.step])
    assert 0.0 < slow < 480.0
