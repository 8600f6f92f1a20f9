"""Errors of the hardware are told at once; what an application did, and a GPU at its power limit, are not."""

import pytest

from runvitals.catalogue.xid import XIDS
from runvitals.detectors.gpu import GpuFault
from runvitals.values import Event, EventKind, State
from tests.detectors.traces import HOUR, Watch, every, merged, noisy, of


def gpu(signal, hours, value, layer="gpu0"):
    return of(signal, every(10.0, hours * HOUR, lambda at: value(at / HOUR)), layer)


def event(text="", **fields):
    return Event(EventKind.XID, "run", "0", 1.0, text=text, fields=fields)


@pytest.mark.parametrize(
    "text",
    [
        "NVRM: Xid (PCI:0000:41:00): 79, pid=1896, GPU has fallen off the bus.",
        "[ 12.3] NVRM: Xid (0000:03:00): 95, Uncontained",
        "Xid 48",
    ],
)
def test_a_log_line_with_an_xid_of_the_hardware_is_told_at_once(text):
    """The number is found in the driver's own words, and its meaning is said."""
    verdict = Watch("gpu_fault").detector.observe_event(event(text))
    assert verdict.evidence.sentence.startswith("XID ")
    assert (verdict.state, verdict.confidence) == (State.FIRING, 1.0)


@pytest.mark.parametrize(
    "text", ["NVRM: Xid (PCI:0000:41:00): 31, pid=1896, MMU Fault", "Xid 13", "Xid 9999", "no number", ""]
)
def test_what_an_application_did_is_no_fault_of_the_gpu(text):
    """An illegal address is the program's; a number that nobody knows blames nobody."""
    assert Watch("gpu_fault").detector.observe_event(event(text)) is None


def test_a_field_with_the_number_is_enough():
    """The source of GPUs gives the number, and which GPU it was."""
    verdict = Watch("gpu_fault").detector.observe_event(event("XID 94 on gpu3", xid="94", gpu="gpu3"))
    assert verdict.evidence.sentence == "XID 94: contained memory error on gpu3"


def test_the_gauge_counts_when_it_changes_and_not_for_what_it_says_at_first():
    """The gauge sticks: an old error is no news. A new one counts for an hour."""
    assert not Watch("gpu_fault").show(gpu("gpu_xid", 2, lambda _: 79.0)).fired
    watch = Watch("gpu_fault").show(gpu("gpu_xid", 3, lambda at: 0.0 if at < 1.0 else 79.0))
    assert (len(watch.opened), len(watch.closed)) == (1, 1)
    assert watch.last_firing.evidence.sentence == "XID 79: the GPU has fallen off the bus on gpu0"
    assert not Watch("gpu_fault").show(gpu("gpu_xid", 2, lambda at: 0.0 if at < 1.0 else 31.0)).fired


def test_uncorrected_memory_errors_count_when_they_grow():
    """A count that was there, or falls with a new driver, is none; one more is."""
    name = "gpu_uncorrected_ecc_errors_total"
    assert not Watch("gpu_fault").show(gpu(name, 2, lambda at: 7.0 if at < 1.0 else 0.0)).fired
    watch = Watch("gpu_fault").show(gpu(name, 2, lambda at: 7.0 if at < 1.0 else 9.0))
    assert watch.last_firing.evidence.sentence == "2 more memory errors that could not be corrected on gpu0"


def test_a_row_that_could_not_be_remapped_counts_whenever_it_was():
    """Such a board is to be replaced."""
    assert len(Watch("gpu_fault").show(gpu("gpu_row_remap_failures_total", 0.1, lambda _: 1.0)).opened) == 1


def slowed(hours, throttled, megahertz, celsius=70.0):
    jitter = noisy(1, 0.01)
    return merged(
        gpu("gpu_throttled_ratio", hours, throttled),
        gpu("gpu_clock_hertz", hours, lambda at: jitter(megahertz(at)) * 1e6),
        gpu("gpu_temperature_celsius", hours, celsius if callable(celsius) else lambda _: celsius),
    )


def test_a_gpu_that_is_slowed_down_below_its_own_past_is_told():
    """From 1900 to 1100 MHz in the third hour: told after ten minutes, with both clocks."""
    watch = Watch("gpu_fault").show(
        slowed(4, lambda at: 0.9 if at > 2.0 else 0.0, lambda at: 1100.0 if at > 2.0 else 1900.0)
    )
    [opened] = watch.opened
    assert 600.0 <= opened.time - 1_007_200.0 <= 780.0
    assert "MHz instead of 19" in watch.last_firing.evidence.sentence


def test_a_gpu_that_is_too_hot_is_told_from_the_start():
    """Ten minutes at 92 degrees and throttled."""
    watch = Watch("gpu_fault").show(slowed(1, lambda _: 1.0, lambda _: 900.0, 92.0))
    assert "at 92 degrees Celsius" in watch.last_firing.evidence.sentence


@pytest.mark.parametrize(
    ("throttled", "megahertz"),
    [
        (lambda _: 1.0, lambda _: 1400.0),
        (lambda _: 0.0, lambda at: 1900.0 if at % 1 < 0.5 else 300.0),
        (lambda at: float(at % 1 < 0.1), lambda at: 1100.0 if at % 1 < 0.1 else 1900.0),
    ],
    ids=["at its power limit", "idle", "short"],
)
def test_a_gpu_at_its_power_limit_or_at_rest_is_well(throttled, megahertz):
    """Throttling alone, a low clock alone, and six minutes of both leave it silent."""
    assert not Watch("gpu_fault").show(slowed(12, throttled, megahertz)).fired


def test_throttling_is_unknown_where_nothing_shows_what_it_does():
    """Without clock and temperature nobody can tell a power limit from a fault."""
    watch = Watch("gpu_fault").show(gpu("gpu_throttled_ratio", 2, lambda _: 1.0))
    assert watch.states == {State.UNKNOWN}


def test_every_xid_says_what_it_means():
    """The table holds sentences without a period, and blames somebody."""
    assert all(xid.meaning and not xid.meaning.endswith(".") for xid in XIDS.values())
    assert {xid.blame for xid in XIDS.values()} == {"application", "hardware", "either"}


def test_limits_that_make_no_sense_are_refused():
    """A clock is never below nothing of itself."""
    with pytest.raises(ValueError, match="clock_ratio"):
        GpuFault(throttled=0.5, clock_ratio=1.0, celsius=87.0, hold_seconds=1.0)
