"""Programs are started with a log each and never outlive who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.quickstart import processes as processes_file
from deploy.quickstart.processes import Processes, ProgramEndedError

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]
PARENT = """
import sys, time
from pathlib import Path
from deploy.quickstart.processes import Processes
processes = Processes(Path(sys.argv[1]))
processes.start("child", [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"])
time.sleep(600)
"""


@pytest.fixture
def processes(tmp_path):
    """Programs that are stopped at the end of the test."""
    made = Processes(tmp_path)
    yield made
    made.stop_all()


def _wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _is_up(processes: Processes, name: str) -> bool:
    return processes.log(name).read_text() != ""


def test_a_program_is_stopped_by_sigterm(processes):
    """`stop` ends a program and returns how it ended."""
    processes.start("sleeper", SLEEP)
    processes.check()
    assert processes.stop("sleeper") == -signal.SIGTERM


def test_a_program_that_will_not_stop_is_killed(processes, monkeypatch):
    """A program that ignores SIGTERM is killed after a while."""
    monkeypatch.setattr(processes_file, "SECONDS_TO_STOP", 0.2)
    processes.start("stubborn", STUBBORN)
    _wait_for(lambda: _is_up(processes, "stubborn"))
    assert processes.stop("stubborn") == -signal.SIGKILL


def test_a_program_that_ends_by_itself_is_reported_with_its_log(processes):
    """`check` names the program that ended, its exit code and the last thing it wrote."""
    processes.start("broken", [sys.executable, "-c", "import sys; print('no such address'); sys.exit(3)"])

    _wait_for(lambda: "no such address" in processes.log("broken").read_text())
    with pytest.raises(ProgramEndedError, match=r"broken ended by itself \(exit code 3\)(.|\n)*no such address"):
        _wait_for(processes.check)


def test_the_environment_is_handed_on(processes):
    """A program sees the environment of its parent and what is added to it."""
    program = "import os; print(os.environ['HOME'], os.environ['ADDED'])"
    processes.start("child", [sys.executable, "-c", program], {"ADDED": "yes"})
    _wait_for(lambda: _is_up(processes, "child"))
    assert processes.log("child").read_text() == f"{os.environ['HOME']} yes\n"


def test_a_program_dies_with_a_parent_that_is_killed(root: Path, tmp_path: Path):
    """SIGKILL leaves the parent no time to clean up, and still nothing it started is left running."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=root)
    log = tmp_path / "child.log"
    _wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    child = psutil.Process(int(log.read_text()))
    parent.kill()
    parent.wait()
    _wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
