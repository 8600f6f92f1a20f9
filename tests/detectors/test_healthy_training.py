"""A healthy training run raises nothing of what can be wrong with its machine."""

import pytest

from tests.detectors.traces import TABLE, Watch
from tests.detectors.training_traces import TrainingRun

RUN = TrainingRun(8.0, seed=1).items
SIGNALS = {sample.signal for sample in RUN} - {"loss"}  # which is not of a machine
NAMES = sorted(name for name, fault in TABLE.faults.items() if SIGNALS & set(fault.signals))


@pytest.mark.parametrize("name", NAMES)
def test_eight_healthy_hours_are_silent(name):
    """Slow tenth steps, evaluations, checkpoints, epochs, disturbances of a minute, a warm-up and a power limit."""
    watch = Watch(name).show(RUN)
    assert not watch.opened
    assert watch.verdicts, "it has looked"
