"""Threads, signal handlers and forks in the middle of a log."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runvitals
from runvitals.client import ring_writer
from runvitals.client.ring_creation import create_ring
from runvitals.client.ring_format import EVENT, NO_STEP, SMALLEST_RING, padded
from runvitals.client.ring_writer import RingWriter
from runvitals.client.run import Run
from runvitals.values import Event, EventKind
from tests.client.written import events, items, only_ring, run_script, samples, values


@pytest.fixture
def _switching_often() -> Iterator[None]:
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_switching_often")
def test_threads_lose_nothing(runs: Path) -> None:
    """What several threads log at once arrives, each value once, and each thread's values in their order."""
    with runvitals.watch("r") as run:

        def log_many(thread: int) -> None:
            for step in range(700):
                run.log({f"thread_{thread}": step * 1.0, f"new_{thread}_{step % 50}": 1.0}, step=step)

        threads = [threading.Thread(target=log_many, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    read = samples(runs)
    for number in range(4):
        assert sorted(s.value for s in read if s.signal == f"thread_{number}") == [step * 1.0 for step in range(700)]
    assert len(read) == 4 * 700 * 2


def test_a_signal_handler_may_log(runs: Path) -> None:
    """A handler that logs in the middle of the same thread's log neither waits nor loses anything."""
    numbers = itertools.count()
    handled = 0
    with runvitals.watch("r") as run:

        def handler(*_: object) -> None:
            nonlocal handled
            run.log(step=1, from_handler=float(next(numbers)))
            handled += 1

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        try:
            logged = 0
            while handled < 200:
                run.log(step=logged, loss=float(logged))
                logged += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    read = values(runs)
    logged_values = [value for name, _, value in read if name == "loss"]
    assert logged_values == [float(number) for number in range(logged - len(logged_values), logged)]
    from_handler = sorted(value for name, _, value in read if name == "from_handler")
    assert len(from_handler) > 10
    assert from_handler == [float(number) for number in range(handled - len(from_handler), handled)]


def test_a_record_made_while_another_is_written_waits_for_its_turn(runs: Path) -> None:
    """Whoever finds the turn taken leaves the record to the one who has it; a lost turn comes back by itself."""
    writer = create_ring("r", "0", 1)
    text = padded(b"phase\0first")
    turn = writer._turn.pop()
    writer.append(EVENT, NO_STEP, 11, 0, text)
    assert len(writer._deferred) == 1
    writer._turn.append(turn)
    writer.append(EVENT, NO_STEP, 12, 0, padded(b"phase\0second"))
    assert not writer._deferred
    writer._turn.pop()  # lost, as by an exception from a signal handler
    writer.append(EVENT, NO_STEP, 11, 0, text)
    kind, step, size, index, payload, wall, monotonic = writer._deferred[0]
    writer._deferred[0] = (kind, step, size, index, payload, wall, monotonic - 60.0)
    writer.append(EVENT, NO_STEP, 12, 0, padded(b"phase\0fourth"))
    assert not writer._deferred
    writer.close("finished")
    texts = [event.text for event in events(runs)[1:-1]]
    assert texts == ["second", "first", "first", "fourth"]


@pytest.mark.usefixtures("runs")
def test_what_waits_is_bounded() -> None:
    """While nobody gives the turn back, a bounded number of records waits and the rest is counted."""
    writer = create_ring("r", "0", 1)
    turn = writer._turn.pop()
    for _ in range(ring_writer.MAX_DEFERRED + 5):
        writer.append(EVENT, NO_STEP, 7, 0, padded(b"phase\0x"))
    assert len(writer._deferred) == ring_writer.MAX_DEFERRED
    writer._turn.append(turn)
    writer.close("finished")
    assert writer._skipped == {"busy": 5}


def test_an_exception_in_the_middle_of_a_write(runs: Path) -> None:
    """An exception that a signal handler raises inside a log leaves a ring in which nothing is torn or stands twice."""
    script = """
import runvitals, signal
run = runvitals.watch("r")
class Stop(BaseException): pass
armed = False
def handler(*_):
    global armed
    if armed:  # once in each try, and never outside of it
        armed = False
        raise Stop
signal.signal(signal.SIGALRM, handler)
step = stopped = 0
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0007)
while stopped < 300:
    try:
        armed = True
        while True:
            step += 1
            run.log(step=step, loss=float(step), twice=2.0 * step)
    except Stop:
        stopped += 1
signal.setitimer(signal.ITIMER_REAL, 0)
run.log(step=step + 1, loss=step + 1.0, twice=2.0 * step + 2.0)
run.close()
print(step + 1)
"""
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    read = samples(runs)
    steps = [s.step for s in read if s.signal == "loss"]
    assert steps[-1] == int(done.stdout)
    assert steps == sorted(set(steps))  # type: ignore[type-var]
    assert all(s.value == (s.step or 0) * (2.0 if s.signal == "twice" else 1.0) for s in read)
    assert events(runs)[-1].kind is EventKind.RUN_FINISHED


@pytest.mark.parametrize("often", [3, 4, 5, 7])
def test_no_name_is_lost_with_an_exception_in_a_write(often: int, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever write of a record or of its names an exception ends, in a new lap too, what comes after has names."""
    run = Run(create_ring("r", "0", 1, SMALLEST_RING))
    store, calls = RingWriter._store, itertools.count(1)

    class StopError(BaseException):
        """As a signal handler may raise."""

    def store_or_raise(self: RingWriter, *record: Any) -> None:
        if next(calls) % often == 0:
            raise StopError
        store(self, *record)

    monkeypatch.setattr(RingWriter, "_store", store_or_raise)
    written = []
    for step in range(SMALLEST_RING // 25):
        with contextlib.suppress(StopError):
            run.log({f"name_{step % 3}_{'x' * 100}": 1.0}, step=step)
            written.append((step, f"name_{step % 3}"))
    monkeypatch.undo()
    run.close()
    read = [(s.step, s.signal[:6]) for s in samples(runs)]
    assert len(read) > 100
    assert read == written[-len(read) :]


def test_a_forked_child_writes_nothing_and_keeps_no_lock(runs: Path) -> None:
    """A data-loader worker neither writes into its parent's ring nor holds its lock after the parent has died."""
    script = """
import os, signal, sys, time, runvitals
run = runvitals.watch("r")
for step in range(10):
    run.log(step=step, loss=1.0)
child = os.fork()
if child == 0:
    for step in range(100):
        run.log(step=step, from_child=2.0)
    run.close()
    print(os.getpid(), run.is_recording, flush=True)
    os.close(1)
    os.close(2)
    time.sleep(60)
    os._exit(0)
time.sleep(0.2)
run.log(step=10, loss=2.0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = run_script(script)
    child, recording = done.stdout.split()
    try:
        read = items(runs)
        assert recording == "False"
        assert {item.signal for item in read if not isinstance(item, Event)} == {"loss"}
        assert isinstance(read[-1], Event)
        assert read[-1].kind is EventKind.RUN_CRASHED
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_a_fork_does_not_end_the_parents_run(runs: Path) -> None:
    """A child that ends in the ordinary way, with its exit handlers, leaves the parent's run as it was."""
    script = """
import os, sys, runvitals
run = runvitals.watch("r")
if os.fork() == 0:
    sys.exit(0)
os.wait()
run.log(step=1, loss=1.0)
print(run.is_recording)
"""
    assert run_script(script).stdout == "True\n"
    assert values(runs) == [("loss", 1, 1.0)]
    assert [event.kind for event in events(runs)] == [EventKind.RUN_STARTED, EventKind.RUN_FINISHED]
    assert only_ring(runs).exists()
