"""The process source on real processes."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import msgspec
import psutil
import pytest

from runvitals.catalogue import signals
from runvitals.client.process_identity import boot_id, pid_namespace, start_ticks
from runvitals.sources.process import ProcessSettings, ProcessSource
from runvitals.sources.process.rings import RingProcess
from runvitals.sources.process.table import read_table
from runvitals.sources.process.targets import ProcessTarget

NOW = 1_700_000_000.0
ALWAYS = {
    signal.name
    for signal in (
        signals.MEMORY_RSS,
        signals.MEMORY_LIMIT,
        signals.MEMORY_UTILIZATION,
        signals.THREADS,
        signals.CHILD_PROCESSES,
        signals.OPEN_FILE_DESCRIPTORS,
    )
}
RATES = {signals.CPU_UTILIZATION.name, signals.DISK_READ.name, signals.DISK_WRITE.name}

COMMANDS = """
import mmap, os, sys, threading, time

def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

kept = []
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Worker:
    """A real process that does what it is told, line by line."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMANDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self.process.stdout.readline() == b"ready\n"
        self.pid = self.process.pid

    def do(self, line: str) -> None:
        self.process.stdin.write(line.encode() + b"\n")
        assert self.process.stdout.readline() == b"done\n"

    def end(self) -> None:
        for process in psutil.Process(self.pid).children(recursive=True):
            process.kill()
        self.process.kill()
        self.process.wait(timeout=60)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def worker():
    started = Worker()
    yield started
    if started.process.returncode is None:
        started.end()


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ring(pid: int, run: str = "r", rank: str = "0") -> RingProcess:
    return RingProcess(run, rank, pid, pid_namespace(), start_ticks(pid) or 0, boot_id())


def watching(*rings: RingProcess, clock: Clock, **settings) -> ProcessSource:
    return ProcessSource(ProcessSettings(**settings), list_rings=lambda: list(rings), clock=clock)


def polled(source: ProcessSource, clock: Clock, seconds: float = 1.0) -> dict[str, float]:
    """Return signal → value of the one target after `seconds` on the clock."""
    clock.now += seconds
    return {item.signal: item.value for item in source.poll(NOW).items}


def wait_until(condition) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to be within a minute")


def test_a_ring_writer_is_watched_without_any_config(worker):
    """The first poll has what needs one reading, the second the rates too, all stamped with the time of the poll."""
    clock = Clock()
    source = watching(ring(worker.pid, "llama", "3"), clock=clock)
    first = source.poll(NOW)
    assert {(item.run, item.rank, item.layer, item.time, item.step) for item in first.items} == {
        ("llama", "3", "", NOW, None)
    }
    assert {item.signal for item in first.items} == ALWAYS | {signals.MEMORY_USS.name}
    assert first.rejected == {}
    assert polled(source, clock).keys() >= ALWAYS | RATES


def test_cpu_is_cores_used_over_the_interval(worker):
    """Two CPU seconds in four seconds are half a core, whether the process or a child of it used them."""
    clock = Clock()
    source = watching(ring(worker.pid), clock=clock)
    polled(source, clock)
    worker.do("burn(0.5)")
    worker.do("kept.append(child(lambda: (burn(0.5), time.sleep(600))))")
    wait_until(lambda: sum(psutil.Process(worker.pid).children()[0].cpu_times()[:2]) >= 0.45)
    used = polled(source, clock, 4.0)[signals.CPU_UTILIZATION.name] * 4.0
    assert 0.9 <= used <= 2.0


def test_a_child_that_exits_gives_neither_a_negative_rate_nor_a_second_count(worker):
    """While children burn and end, waited for and not, the rates add up to the CPU that was used."""
    clock = Clock()
    source = watching(ring(worker.pid), clock=clock)
    polled(source, clock)
    rates = []
    worker.do("a = child(lambda: (burn(0.4), time.sleep(600)))")
    worker.do("b = child(lambda: burn(0.2))")
    wait_until(lambda: any(process.ended for process in read_table().values() if process.parent == worker.pid))
    wait_until(
        lambda: sum(process.cpu_ticks for process in read_table().values() if process.parent == worker.pid) >= 50
    )
    for line in ("pass", "os.waitpid(b, 0)", "pass", "os.kill(a, 9)", "os.waitpid(a, 0)", "pass"):
        worker.do(line)
        rates.append(polled(source, clock)[signals.CPU_UTILIZATION.name])
    assert min(rates) >= 0.0
    assert 0.5 <= sum(rates) <= 0.9


def test_memory_threads_descriptors_and_children_are_summed(worker):
    """What the process and its children allocate, open and start is seen."""
    clock = Clock()
    source = watching(ring(worker.pid), clock=clock, uss_seconds=0.5)
    before = polled(source, clock)
    worker.do("kept.append(b'x' * 100_000_000)")
    worker.do("kept.extend(open('/dev/null') for _ in range(50))")
    worker.do("[threading.Thread(target=time.sleep, args=(600,), daemon=True).start() for _ in range(5)]")
    after = polled(source, clock)
    grown = {name: after[name] - before[name] for name in before.keys() & after.keys()}
    assert 95e6 < grown[signals.MEMORY_RSS.name] < 150e6
    assert 95e6 < grown[signals.MEMORY_USS.name] < 150e6
    assert grown[signals.OPEN_FILE_DESCRIPTORS.name] == 50
    assert grown[signals.THREADS.name] == 5
    worker.do("kept.extend(child(lambda: time.sleep(600)) for _ in range(3))")
    family = polled(source, clock)
    assert family[signals.CHILD_PROCESSES.name] == 3
    assert family[signals.OPEN_FILE_DESCRIPTORS.name] == 4 * after[signals.OPEN_FILE_DESCRIPTORS.name]


def test_disk_rates_are_what_the_kernel_counts(worker, tmp_path):
    """Bytes written to storage over the seconds between two polls, as /proc/<pid>/io has them."""
    clock = Clock()
    source = watching(ring(worker.pid), clock=clock)
    polled(source, clock)
    before = psutil.Process(worker.pid).io_counters()
    worker.do(f"f = open({str(tmp_path / 'file')!r}, 'wb'); f.write(bytes(8_000_000)); f.flush(); os.fsync(f.fileno())")
    after = psutil.Process(worker.pid).io_counters()
    rates = polled(source, clock, 2.0)
    assert rates[signals.DISK_WRITE.name] * 2.0 == after.write_bytes - before.write_bytes
    assert rates[signals.DISK_READ.name] * 2.0 == after.read_bytes - before.read_bytes


def test_uss_is_read_rarely(worker):
    """Its cost is the watched process's too, so most polls leave it out; 0 turns it off."""
    clock = Clock()
    source = watching(ring(worker.pid), clock=clock, uss_seconds=10.0)
    seen = [signals.MEMORY_USS.name in polled(source, clock, 4.0) for _ in range(6)]
    assert seen == [True, False, False, True, False, False]
    never = watching(ring(worker.pid), clock=clock, uss_seconds=0.0)
    assert signals.MEMORY_USS.name not in polled(never, clock)


def test_a_killed_and_restarted_process_is_a_new_one(tmp_path, worker):
    """Between the two there is nothing, and no rate reaches across."""
    path = tmp_path / "trainer.pid"
    path.write_text(str(worker.pid))
    clock = Clock()
    target = ProcessTarget(run="r", rank="0", pid_file=str(path))
    source = ProcessSource(ProcessSettings(rings=False, targets=(target,)), clock=clock)
    worker.do("burn(0.3)")
    assert polled(source, clock)
    assert polled(source, clock)[signals.CPU_UTILIZATION.name] < 0.3
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: read_table()[worker.pid].ended)
    assert source.poll(NOW).rejected == {"zombie": 1}
    worker.end()
    assert source.poll(NOW).rejected == {"pid_not_in_view": 1}
    second = Worker()
    try:
        path.write_text(str(second.pid))
        assert polled(source, clock).keys().isdisjoint(RATES)
        assert polled(source, clock).keys() >= RATES
    finally:
        second.end()


def test_a_rank_started_by_another_rank_is_counted_once(worker):
    """Each of two ranks has its own processes, though one is the parent of the other."""
    worker.do("kept.append(child(lambda: time.sleep(600)))")
    (child,) = psutil.Process(worker.pid).children()
    clock = Clock()
    poll = watching(ring(worker.pid), ring(child.pid, rank="1"), clock=clock).poll(NOW)
    children = {item.rank: item.value for item in poll.items if item.signal == signals.CHILD_PROCESSES.name}
    assert children == {"0": 0.0, "1": 0.0}


def test_zombie_children_are_counted_and_not_summed(worker):
    """A child nobody waits for has no memory and no threads."""
    worker.do("kept.append(child(lambda: None))")
    wait_until(lambda: any(stat.ended for stat in read_table().values() if stat.parent == worker.pid))
    poll = watching(ring(worker.pid), clock=Clock()).poll(NOW)
    assert poll.rejected == {"zombie": 1}
    assert next(item.value for item in poll.items if item.signal == signals.CHILD_PROCESSES.name) == 0.0


def test_a_tree_too_large_is_counted_and_not_half_summed(worker):
    """Beyond the bound on processes a target has no samples, and the reason is there."""
    worker.do("kept.extend(child(lambda: time.sleep(600)) for _ in range(5))")
    poll = watching(ring(worker.pid), clock=Clock(), max_processes=3).poll(NOW)
    assert (poll.items, poll.rejected) == ([], {"too_many_processes": 1})


def test_targets_beyond_the_bound_are_counted(worker):
    """The first ones are watched."""
    rings = [ring(worker.pid, rank=str(rank)) for rank in range(5)]
    poll = watching(*rings, clock=Clock(), max_targets=2).poll(NOW)
    assert {item.rank for item in poll.items} == {"0", "1"}
    assert poll.rejected == {"too_many_targets": 3}


def test_processes_of_another_user_are_read_as_far_as_permitted():
    """What the kernel refuses is absent and counted, never 0; the rest is there."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user here")
    worker = Worker()
    try:
        answer = _poll_as_nobody(ring(worker.pid))
    finally:
        worker.end()
    assert answer["rejected"]["permission_denied"] >= 3
    assert set(answer["signals"]) >= {signals.MEMORY_RSS.name, signals.THREADS.name, signals.CPU_UTILIZATION.name}
    assert set(answer["signals"]).isdisjoint(
        {signals.MEMORY_USS.name, signals.OPEN_FILE_DESCRIPTORS.name, signals.DISK_READ.name, signals.DISK_WRITE.name}
    )


def _poll_as_nobody(watched: RingProcess) -> dict:
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads; the child only polls
        pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            clock = Clock()
            source = watching(watched, clock=clock)
            first = source.poll(NOW)
            answer = {"rejected": first.rejected, "signals": list(polled(source, clock))}
            os.write(writer, json.dumps(answer).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader, "rb") as pipe:
        return json.loads(pipe.read())


def test_one_failing_target_never_hides_another(worker, tmp_path, monkeypatch):
    """Rings that cannot be listed, a missing pid file and a search that breaks leave the working target alone."""

    def broken() -> list[RingProcess]:
        raise PermissionError(13, "Permission denied")

    def breaks(*_, **__):
        raise RuntimeError("as psutil may")

    monkeypatch.setattr(psutil, "net_connections", breaks)
    path = tmp_path / "trainer.pid"
    path.write_text(str(worker.pid))
    targets = (
        ProcessTarget(run="missing", pid_file=str(tmp_path / "none")),
        ProcessTarget(run="breaks", port=9),
        ProcessTarget(run="nobody", pattern="no such command line [7]{40}"),
        ProcessTarget(run="works", rank="0", pid_file=str(path)),
    )
    source = ProcessSource(ProcessSettings(targets=targets), list_rings=broken, clock=Clock())
    poll = source.poll(NOW)
    assert {item.run for item in poll.items} == {"works"}
    assert poll.rejected == {
        "rings_unreadable": 1,
        "pid_file_unreadable": 1,
        "target_failed": 1,
        "target_not_found": 1,
    }


def test_processes_that_vanish_in_the_middle_of_a_poll_are_counted(worker, monkeypatch):
    """A child that is in the table and gone when asked costs only its own part."""
    worker.do("kept.append(child(lambda: time.sleep(600)))")
    (child,) = psutil.Process(worker.pid).children()
    table = read_table()
    worker.do("os.kill(kept[-1], 9); os.waitpid(kept[-1], 0)")
    assert not psutil.pid_exists(child.pid)
    monkeypatch.setattr("runvitals.sources.process.source.read_table", lambda: table)
    poll = watching(ring(worker.pid), clock=Clock()).poll(NOW)
    assert poll.rejected["vanished"] >= 2
    assert {item.signal for item in poll.items} >= ALWAYS


def test_an_implausible_rate_is_counted_and_not_delivered(worker):
    """More CPU than the machine has is a misreading, not a sample."""
    clock = Clock()
    source = watching(ring(worker.pid), clock=clock)
    polled(source, clock)
    worker.do("burn(0.3)")
    clock.now += 0.001
    poll = source.poll(NOW)
    assert poll.rejected == {"implausible_cpu": 1}
    assert signals.CPU_UTILIZATION.name not in {item.signal for item in poll.items}


def test_nothing_is_kept_of_what_has_gone(worker):
    """State is dropped with the target, and after close."""
    rings = [ring(worker.pid)]
    clock = Clock()
    source = ProcessSource(ProcessSettings(), list_rings=lambda: rings, clock=clock)
    assert polled(source, clock)
    rings.clear()
    assert polled(source, clock) == {}
    rings.append(ring(worker.pid))
    assert polled(source, clock).keys().isdisjoint(RATES)
    source.close()


def test_there_is_no_position_to_restore():
    """Only None is a position of this source."""
    source = watching(clock=Clock())
    source.restore(source.poll(NOW).position)
    with pytest.raises(ValueError, match="no position"):
        source.restore(3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rings": False}, "add a target"),
        ({"interval": 0}, "interval is 0.* between 0.1 and 300"),
        ({"uss_seconds": -1}, "uss_seconds"),
        ({"max_processes": 0}, "max_processes"),
        ({"targets": [{"run": "r", "pattern": "("}]}, "not a regular expression"),
        ({"taargets": []}, "unknown field"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    """What a type cannot say is checked where the settings are read."""
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({"kind": "process", **changes}, ProcessSettings)


def test_settings_need_nothing():
    """The default watches the writers of all rings."""
    assert msgspec.convert({"kind": "process"}, ProcessSettings) == ProcessSettings()
