"""Processes found by pid file, command line and listening port."""

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter

import msgspec
import pytest

from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.table import read_table
from runvitals.sources.process.targets import (
    ProcessTarget,
    TargetSearch,
    pids_by_file,
    pids_by_pattern,
    pids_by_port,
)

TOKEN = f"a-trainer-of-test-{os.getpid()}"


@pytest.fixture
def trainer():
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('ready', flush=True); sys.stdin.read()", TOKEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.communicate(timeout=60)


def by_file(path) -> tuple[set[int], dict[Reason, int]]:
    rejected: Counter[Reason] = Counter()
    return pids_by_file(path, read_table(), rejected), dict(rejected)


def test_a_pid_file_names_its_process(tmp_path, trainer):
    """The first number of the file is the pid; what a database writes on later lines is ignored."""
    path = tmp_path / "trainer.pid"
    path.write_text(f"{trainer.pid}\n/var/lib\n")
    assert by_file(path) == ({trainer.pid}, {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.PID_FILE_INVALID),
        (b"python", Reason.PID_FILE_INVALID),
        (b"-1", Reason.PID_FILE_INVALID),
        (b"\xff\x00", Reason.PID_FILE_INVALID),
        (b"7" * 5000, Reason.PID_FILE_INVALID),
        (b"4194305", Reason.PID_NOT_IN_VIEW),
    ],
)
def test_a_bad_pid_file_is_counted(tmp_path, content, reason):
    """Nonsense, huge files and pids nobody has name no process."""
    path = tmp_path / "trainer.pid"
    path.write_bytes(content)
    assert by_file(path) == (set(), {reason: 1})


def test_a_missing_pid_file_a_folder_and_a_pipe_are_counted(tmp_path):
    """None of them is waited for."""
    os.mkfifo(tmp_path / "pipe")
    assert by_file(tmp_path / "missing") == (set(), {Reason.PID_FILE_UNREADABLE: 1})
    assert by_file(tmp_path) == (set(), {Reason.PID_FILE_UNREADABLE: 1})
    assert by_file(tmp_path / "pipe") == (set(), {Reason.PID_FILE_INVALID: 1})


def test_a_pid_file_older_than_its_process_is_stale(tmp_path, trainer):
    """The number in a file left from before a reboot may be anybody's by now."""
    path = tmp_path / "trainer.pid"
    path.write_text(str(trainer.pid))
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))
    assert by_file(path) == (set(), {Reason.PID_REUSED: 1})


def test_a_pattern_is_searched_for_in_the_command_line(trainer):
    """Arguments are joined by spaces, and the searching process is not found by its own pattern."""
    table = read_table()
    assert pids_by_pattern(re.compile(rf"-c .* {TOKEN}$", re.DOTALL), table) == {trainer.pid}
    assert os.getpid() not in pids_by_pattern(re.compile("."), table)


def test_a_listening_port_is_found():
    """The process that listens is found, one that is merely connected is not."""
    code = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        port = int(server.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)):
            assert pids_by_port(port, Counter()) == {server.pid}
    finally:
        server.communicate(timeout=60)


def test_a_search_is_repeated_only_when_due_or_when_its_process_has_ended(trainer):
    """A new match waits for the next search; the end of the last known one starts a search at once."""
    search = TargetSearch(ProcessTarget(run="r", pattern=TOKEN), 10.0)
    rejected: Counter[Reason] = Counter()
    assert search.pids(read_table(), 0.0, rejected) == {trainer.pid}
    second = subprocess.Popen([*trainer.args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert second.stdout.readline() == b"ready\n"
        assert search.pids(read_table(), 5.0, rejected) == {trainer.pid}
        assert search.pids(read_table(), 10.0, rejected) == {trainer.pid, second.pid}
        gone = {pid: stat for pid, stat in read_table().items() if pid not in (trainer.pid, second.pid)}
        assert search.pids(gone, 11.0, rejected) == set()
        assert rejected == {Reason.TARGET_NOT_FOUND: 1}
    finally:
        second.communicate(timeout=60)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"run": "r"}, "exactly one of pid_file, pattern and port, not none"),
        ({"run": "r", "port": 1, "pattern": "x"}, "not pattern and port"),
        ({"run": "r", "pattern": "train[.py"}, "'train.\\.py' is not a regular expression: unterminated character set"),
        ({"run": "r", "pattern": ""}, "pattern is empty"),
        ({"run": "r", "port": 0}, "between 1 and 65535"),
        ({"run": "", "port": 1}, "must not be empty"),
        ({"run": "r", "port": 1, "rank": ""}, "must not be empty"),
        ({"run": "r", "prot": 1}, "unknown field `prot`"),
    ],
)
def test_impossible_targets_are_refused_when_the_config_is_read(target, message):
    """The sentence says what to write instead."""
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(target, ProcessTarget)
