"""What a machine and a server tell becomes findings on the one path that live data takes."""

from runvitals.diagnosis.settings import FaultSettings, resolve
from runvitals.pipeline.pipeline import RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import EventKind, State
from tests.detectors.traces import every, merged, of
from tests.pipeline.test_pipeline import START, event, found, new_pipeline, run_through
from tests.streams import started


def test_an_xid_in_the_log_opens_a_finding_that_its_run_ends():
    """It is critical, says what the number means, and stays: nobody takes such a line back."""
    xid = event(EventKind.XID, START + 5.0, text="NVRM: Xid (PCI:0000:41:00): 79, GPU has fallen off the bus.")
    pipeline = run_through([started(), xid])
    finding = found(pipeline)["gpu_fault"]
    assert (finding.severity, finding.evidence[0].sentence) == ("critical", "XID 79: the GPU has fallen off the bus")
    pipeline.observe([event(EventKind.RUN_CRASHED, START + 9.0)], "test")
    assert found(pipeline)["gpu_fault"].closed_reason == "run ended"


def test_memory_that_ran_out_is_a_finding_and_a_kill_by_hand_is_none():
    """The log line is the evidence."""
    killed = event(EventKind.KILLED, START, text="Killed")
    assert "memory_pressure" not in found(run_through([started(), killed]))
    out = event(EventKind.OUT_OF_MEMORY, START, text="torch.OutOfMemoryError: CUDA out of memory.")
    [evidence] = found(run_through([started(), out]))["memory_pressure"].evidence
    assert evidence.sentence == "the log says: torch.OutOfMemoryError: CUDA out of memory."


def test_a_server_that_is_down_is_a_finding_until_it_answers():
    """Without steps, by the times of its polls."""
    pipeline = run_through(of("server_up", every(15.0, 1800.0, lambda at: float(not 600.0 <= at < 900.0))))
    finding = found(pipeline)["server_down"]
    assert (finding.opened_time, finding.closed_time) == (START + 630.0, START + 915.0)


def test_each_gpu_of_a_rank_is_judged_and_what_has_no_signal_is_unknown():
    """Errors of the second GPU open the fault; all that nothing was heard of is unknown."""
    name = "gpu_uncorrected_ecc_errors_total"
    counts = every(10.0, 300.0, lambda at: float(at > 200.0))
    pipeline = run_through(merged(of(name, counts, "gpu1"), of(name, every(10.0, 300.0, lambda _: 0.0), "gpu0")))
    assert found(pipeline)["gpu_fault"].evidence[0].layer == "gpu1"
    [rank] = pipeline.snapshot(START + 300.0, (), ready=True).ranks
    assert (rank.fault_states[State.FIRING], rank.fault_states[State.OK]) == (1, 0)


def test_a_detector_survives_a_reload():
    """Other thresholds are taken over and what was seen is kept."""
    pipeline = new_pipeline()
    pipeline.observe(of("memory_utilization_ratio", every(10.0, 900.0, lambda _: 0.8)), "test")
    assert "memory_pressure" not in found(pipeline)
    table = resolve({"memory_pressure": FaultSettings(thresholds={"share": 0.7})})
    pipeline.reconfigure(SeriesSettings(window=64, minimum=16), RankSettings(), table)
    pipeline.observe(of("memory_utilization_ratio", every(10.0, 1000.0, lambda _: 0.8, 900.0)), "test")
    assert found(pipeline)["memory_pressure"].is_open
