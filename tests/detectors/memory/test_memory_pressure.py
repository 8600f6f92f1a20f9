"""Memory that is nearly used up is told of; memory that is reserved on purpose is not."""

import pytest

from runvitals.detectors.memory import MemoryPressure
from runvitals.values import Event, EventKind, State
from tests.detectors.traces import HOUR, Watch, every, noisy, of


def share(hours, value, signal="memory_utilization_ratio", layer=""):
    return of(signal, every(5.0, hours * HOUR, lambda at: value(at / HOUR)), layer)


def test_a_full_memory_is_told_after_three_minutes_and_closes_when_there_is_room():
    """95 % for a quarter of an hour opens it once."""
    watch = Watch("memory_pressure").show(share(2, lambda at: 0.95 if 1.0 < at < 1.25 else 0.5))
    assert 180.0 <= watch.opened[0].time - 1_003_600.0 < 330.0
    assert (len(watch.opened), len(watch.closed)) == (1, 1)
    assert "95.0% or more for 3 minutes" in watch.last_firing.evidence.sentence


@pytest.mark.parametrize("level", [0.8, 0.9, 0.98, 1.0])
def test_a_gpu_that_is_steadily_full_is_as_it_should_be(level):
    """Servers reserve nine tenths and training keeps what it had: whatever the level, it is no fault."""
    jitter = noisy(1, 0.002)
    items = share(6, lambda _: min(jitter(level), 1.0), "gpu_memory_utilization_ratio", "gpu0")
    assert not Watch("memory_pressure").show(items).fired


def test_a_gpu_that_fills_up_is_told():
    """From 80 % to 98 % within an hour."""
    items = share(3, lambda at: 0.8 if at < 2.0 else 0.98, "gpu_memory_utilization_ratio", "gpu0")
    watch = Watch("memory_pressure").show(items)
    assert [sample.layer for sample in watch.opened] == ["gpu0"]


def test_peaks_of_a_minute_are_no_pressure():
    """A checkpoint that needs all memory for a minute an hour."""
    assert not Watch("memory_pressure").show(share(12, lambda at: 0.97 if at % 1 < 1 / 60 else 0.7)).fired


@pytest.mark.parametrize(
    ("kind", "text", "used", "fires"),
    [
        (EventKind.OUT_OF_MEMORY, "CUDA out of memory. Tried to allocate 2.00 GiB", 0.1, True),
        (EventKind.KILLED, "Killed process 12 (python): oom-kill", 0.1, True),
        (EventKind.KILLED, "Killed", 0.95, True),
        (EventKind.KILLED, "Killed", 0.3, False),
    ],
)
def test_a_log_line_counts_where_it_is_about_memory(kind, text, used, fires):
    """A process that somebody killed has not run out of memory."""
    watch = Watch("memory_pressure").show(share(0.1, lambda _: used))
    verdict = watch.detector.observe_event(Event(kind, "run", "0", 1.0, text=text))
    assert (verdict is not None and verdict.state is State.FIRING) is fires


def test_shares_that_are_none_are_refused():
    """Nothing is more than all of it."""
    with pytest.raises(ValueError, match="at most 1"):
        MemoryPressure(share=1.2, gpu_share=0.97, gpu_rise=0.05)
