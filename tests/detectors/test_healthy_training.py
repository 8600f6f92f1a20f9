"""A healthy training run raises nothing of what can be wrong with its machine."""

import pytest

from tests.detectors.traces import TABLE, Watch
from tests.detectors.training_traces import TrainingRun

NAMES = [
    "input_bound", "throughput_drop", "fail_slow", "low_utilisation", "memory_leak", "memory_pressure", "gpu_fault",
]  # fmt: skip
RUN = TrainingRun(8.0, seed=1).items


@pytest.mark.parametrize("name", NAMES)
def test_eight_healthy_hours_are_silent(name):
    """Slow tenth steps, evaluations, checkpoints, epochs, disturbances of a minute, a warm-up and a power limit."""
    watch = Watch(name).show(RUN)
    assert not watch.opened
    assert watch.verdicts, "it has looked"


def test_the_detectors_are_all_that_watch_a_machine_or_a_server():
    """A fault whose signals are here is tested here."""
    signals = {sample.signal for sample in RUN} - {"loss"}
    watching = {name for name, fault in TABLE.faults.items() if signals & set(fault.signals)}
    assert watching == set(NAMES)
