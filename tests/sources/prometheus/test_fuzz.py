"""Ten thousand pages that are nearly pages; a million with `python -m tests.fuzz.prometheus_page 1000000`."""

import pytest

from runvitals.sources.prometheus.picks import MAX_METRICS
from tests.fuzz.prometheus_page import MAX, Fuzz


@pytest.mark.slow
def test_nearly_pages_break_nothing_and_are_not_remembered():
    """No exception, no sample that cannot be, no two samples of one signal, and bounded memory."""
    fuzz = Fuzz(seed=1)
    samples = sum(len(fuzz.step().items) for _ in range(10_000))
    assert samples > 10_000  # most lines of most pages are still good
    labels, series, known, picked, available, gpus = fuzz.sizes()
    assert labels <= MAX
    assert series <= 3 * MAX
    assert picked <= MAX_METRICS
    assert known <= 9 * 9 * (100 + MAX_METRICS)
    assert available <= 100 + 3 * MAX_METRICS
    assert gpus <= 9
