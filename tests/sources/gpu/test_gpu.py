"""The GPU source on a fake of the NVML library, and on real GPUs where there are any."""

import math
import os

import pynvml
import pytest

from runvitals.catalogue import signals
from runvitals.client.process_identity import boot_id, pid_namespace, start_ticks
from runvitals.sources import build_source, default_sources, kind_of
from runvitals.sources.gpu import source as gpu_source
from runvitals.sources.gpu.settings import GpuSettings, is_gpu_here
from runvitals.sources.process.rings import RingProcess
from runvitals.values import Event, EventKind, Sample
from tests.sources.gpu.fake_nvml import GIB, NOT_AVAILABLE, FakeGpu, FakeNvml

NOW = 1_700_000_000.0


@pytest.fixture
def nvml(monkeypatch):
    """Put a fake in the place of the loaded library; it has one GPU until a test says otherwise."""
    fake = FakeNvml(FakeGpu(0))
    monkeypatch.setattr(pynvml, "nvmlLib", fake)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return fake


def make_source(rings=(), **settings):
    return gpu_source.GpuSource(GpuSettings(rank="node-1", **settings), list_rings=lambda: list(rings))


def values(poll, gpu="gpu0"):
    return {item.signal: item.value for item in poll.items if isinstance(item, Sample) and item.layer == gpu}


def test_every_quantity_is_in_base_units(nvml):
    """Percent become ratios, milliwatts watts, megahertz hertz, KiB per second bytes per second."""
    nvml.gpus = [FakeGpu(0, links=2, reasons=pynvml.nvmlClocksThrottleReasonSwThermalSlowdown)]
    poll = make_source().poll(NOW)
    assert values(poll) == {
        "gpu_utilization_ratio": pytest.approx(0.87),
        "gpu_memory_used_bytes": 60 * GIB,
        "gpu_memory_utilization_ratio": 0.75,
        "gpu_temperature_celsius": 64,
        "gpu_power_watts": 512,
        "gpu_power_limit_watts": 700,
        "gpu_clock_hertz": 1.755e9,
        "gpu_throttled_ratio": 1,
        "gpu_corrected_ecc_errors_total": 2,
        "gpu_uncorrected_ecc_errors_total": 0,
        "gpu_row_remap_failures_total": 0,
        "gpu_processes": 0,
        "gpu_pcie_receive_bytes_per_second": 2048 * 1024,
        "gpu_pcie_transmit_bytes_per_second": 2048 * 1024,
        "gpu_nvlink_errors_total": (1 + 2) * pynvml.NVML_NVLINK_ERROR_COUNT,
    }
    assert poll.rejected == {}
    assert {(item.run, item.rank, item.time, item.step) for item in poll.items} == {("gpu", "node-1", NOW, None)}


def test_every_sample_is_a_signal_of_the_catalogue(nvml):
    """No signal of a GPU is unknown to the catalogue."""
    assert values(make_source().poll(NOW)).keys() <= {signal.name for signal in signals.ALL}


def test_the_power_cap_is_no_throttling(nvml):
    """A GPU under full load runs at its power cap: that is ordinary."""
    nvml.gpus = [FakeGpu(0, reasons=pynvml.nvmlClocksThrottleReasonSwPowerCap)]
    assert values(make_source().poll(NOW))["gpu_throttled_ratio"] == 0


def test_marks_for_no_value_are_rejected_and_counted(nvml):
    """What cannot be is not taken for a value."""
    nvml.gpus = [
        FakeGpu(
            0, utilization=101, memory=(NOT_AVAILABLE, 80 * GIB), power=2**32 - 1, temperature=2**31, corrected=2**63
        )
    ]
    poll = make_source().poll(NOW)
    assert poll.rejected == {"implausible": 5}
    assert not values(poll).keys() & {"gpu_utilization_ratio", "gpu_memory_used_bytes", "gpu_power_watts"}


def test_what_a_gpu_does_not_support_is_absent(nvml):
    """A quantity that this kind of GPU does not have is neither 0 nor a loss."""
    unsupported = -pynvml.NVML_ERROR_NOT_SUPPORTED
    nvml.gpus = [FakeGpu(0, utilization=unsupported, corrected=unsupported, uncorrected=unsupported, pcie=unsupported)]
    poll = make_source().poll(NOW)
    assert poll.rejected == {}
    assert "gpu_utilization_ratio" not in values(poll)
    assert values(poll)["gpu_temperature_celsius"] == 64


def test_a_quantity_that_may_not_be_read_is_counted(nvml):
    """A missing right hides one quantity, and says so."""
    nvml.gpus = [FakeGpu(0, clock=-pynvml.NVML_ERROR_NO_PERMISSION, power=-pynvml.NVML_ERROR_UNKNOWN)]
    poll = make_source().poll(NOW)
    assert poll.rejected == {"no_permission": 1, "unreadable": 1}


def test_a_lost_gpu_does_not_hide_the_others(nvml):
    """A GPU that fell off the bus is counted; the next one is read."""
    nvml.gpus = [FakeGpu(0, memory=-pynvml.NVML_ERROR_GPU_IS_LOST), FakeGpu(1)]
    poll = make_source().poll(NOW)
    assert poll.rejected == {"gpu_lost": 1}
    assert not values(poll, "gpu0")
    assert values(poll, "gpu1")["gpu_power_watts"] == 512


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "install the driver"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not loaded"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "different versions"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "/dev/nvidiactl"),
    ],
)
def test_without_a_driver_the_source_is_down_and_says_why(nvml, error, words):
    """Each reason has its sentence; the source comes up by itself once the driver does."""
    source = make_source()
    nvml.error = error
    with pytest.raises(OSError, match=words):
        source.poll(NOW)
    nvml.error = 0
    assert values(source.poll(NOW))


def test_a_driver_that_goes_away_and_comes_back(nvml):
    """A driver that is unloaded under us is an error of the source, and its return a new start."""
    source = make_source()
    assert values(source.poll(NOW))
    nvml.error, nvml.is_open = pynvml.NVML_ERROR_DRIVER_NOT_LOADED, False
    with pytest.raises(OSError, match="not loaded"):
        source.poll(NOW)
    nvml.error = 0
    assert values(source.poll(NOW))
    source.close()
    assert not nvml.is_open


def test_a_divided_gpu_shows_the_memory_of_its_instances(nvml):
    """An instance of a divided GPU (MIG) is a layer of its own."""
    nvml.gpus = [
        FakeGpu(0, mig=[(5 * GIB, 10 * GIB), (1 * GIB, 10 * GIB)], utilization=-pynvml.NVML_ERROR_NOT_SUPPORTED)
    ]
    poll = make_source().poll(NOW)
    assert values(poll, "gpu0/mig1") == {
        "gpu_memory_used_bytes": 1 * GIB,
        "gpu_memory_utilization_ratio": pytest.approx(0.1),
    }


def test_a_gpu_belongs_to_the_run_that_computes_on_it(nvml):
    """The writer of a ring owns the GPUs on which it, or a child of it, computes; the others belong to the node."""
    mine = RingProcess("llama", "3", os.getpid(), pid_namespace(), start_ticks(os.getpid()), boot_id())
    nvml.gpus = [FakeGpu(0, pids=[os.getpid()]), FakeGpu(1, pids=[2**30])]
    poll = make_source([mine]).poll(NOW)
    owners = {(item.layer, item.run, item.rank) for item in poll.items}
    assert owners == {("gpu0", "llama", "3"), ("gpu1", "gpu", "node-1")}


def test_what_is_told_no_more_is_nan_once(nvml):
    """Nobody reads the last value of a lost GPU, or of one that another run has taken, as the newest."""
    mine = RingProcess("llama", "3", os.getpid(), pid_namespace(), start_ticks(os.getpid()), boot_id())
    nvml.gpus = [FakeGpu(0), FakeGpu(1)]
    source = make_source([mine])
    before = [(item.run, item.layer, item.signal) for item in source.poll(NOW).items]
    nvml.gpus[0].answers["memory"] = -pynvml.NVML_ERROR_GPU_IS_LOST
    nvml.gpus[1].answers["pids"] = [os.getpid()]
    items = source.poll(NOW + 5.0).items
    gone = [(item.run, item.layer, item.signal) for item in items if math.isnan(item.value)]
    assert sorted(gone) == sorted(before)
    assert {(item.run, item.layer) for item in items if not math.isnan(item.value)} == {("llama", "gpu1")}
    assert not [item for item in source.poll(NOW + 10.0).items if math.isnan(item.value)]


def test_an_error_message_of_the_driver_is_an_event(nvml):
    """An XID is told once, with the GPU it came from, to the run that computes there."""
    nvml.gpus = [FakeGpu(0), FakeGpu(1)]
    source = make_source()
    source.poll(NOW)
    nvml.xids = [(1, 79)]
    items = source.poll(NOW + 5.0).items
    (event,) = [item for item in items if isinstance(item, Event)]
    assert (event.kind, event.run, event.rank, event.time) == (EventKind.XID, "gpu", "node-1", NOW + 5.0)
    assert event.fields == {"xid": "79", "gpu": "gpu1"}
    assert [item.value for item in items if isinstance(item, Sample) and item.signal == "gpu_xid"] == [79.0]
    assert not [item for item in source.poll(NOW + 10.0).items if isinstance(item, Event)]


def test_an_old_driver_lacks_functions(nvml, monkeypatch):
    """A function that the driver does not have is a quantity that is absent."""
    monkeypatch.delattr(FakeNvml, "nvmlDeviceGetRemappedRows")
    poll = make_source().poll(NOW)
    assert "gpu_row_remap_failures_total" not in values(poll)
    assert values(poll)["gpu_power_watts"] == 512


def test_gpus_are_watched_without_a_config_where_there_are_any(monkeypatch):
    """The default sources have the GPUs exactly where the driver shows itself."""
    for is_here in (False, True):
        monkeypatch.setattr("runvitals.sources.is_gpu_here", lambda is_here=is_here: is_here)
        assert ("gpu" in map(kind_of, default_sources())) is is_here
    assert build_source("mine", GpuSettings()).kind == "gpu"


@pytest.mark.skipif(not is_gpu_here(), reason="no NVIDIA GPU on this machine")
def test_a_real_gpu_is_read():
    """Memory, temperature and power of a real GPU are within what can be."""
    source = make_source()
    try:
        found = values(source.poll(NOW))
    finally:
        source.close()
    assert 0.0 < found["gpu_memory_utilization_ratio"] <= 1.0
    assert 10.0 < found["gpu_temperature_celsius"] < 110.0
