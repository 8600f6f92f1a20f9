"""Which process wrote a ring, told across pid namespaces."""

import os
import shutil
import subprocess
import sys

import pytest

from runvitals.client.process_identity import boot_id, pid_namespace, start_ticks
from runvitals.sources.process.reasons import Reason
from runvitals.sources.process.rings import (
    NotInView,
    RingProcess,
    own_viewpoint,
    pid_in_view,
    ring_processes,
)
from runvitals.sources.process.table import read_table

LOGS_AND_WAITS = """
import sys
import runvitals
run = runvitals.watch("llama", rank="3")
run.log(step=1, loss=1.0)
print("ready", flush=True)
sys.stdin.read()
"""


def own_ring(**changes) -> RingProcess:
    pid = os.getpid()
    return RingProcess("r", "0", pid, pid_namespace(), start_ticks(pid) or 0, boot_id())._replace(**changes)


def reason_of(ring: RingProcess) -> Reason:
    with pytest.raises(NotInView) as caught:
        pid_in_view(ring, read_table(), own_viewpoint())
    return caught.value.reason


def test_a_writer_in_our_namespace_is_found():
    """Its pid, namespace, start and boot are those in view."""
    assert pid_in_view(own_ring(), read_table(), own_viewpoint()) == os.getpid()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"start_ticks": 1}, Reason.PID_REUSED),
        ({"pid": 2**22 + 1}, Reason.PID_NOT_IN_VIEW),
        ({"pid_namespace": 17}, Reason.PID_NOT_IN_VIEW),
        ({"boot_id": "another"}, Reason.RING_OF_ANOTHER_MACHINE),
        ({"boot_id": ""}, Reason.RING_WITHOUT_IDENTITY),
        ({"pid_namespace": 0}, Reason.RING_WITHOUT_IDENTITY),
        ({"start_ticks": 0}, Reason.RING_WITHOUT_IDENTITY),
        ({"pid": 0}, Reason.RING_WITHOUT_IDENTITY),
    ],
)
def test_whoever_is_not_surely_the_writer_is_not_taken_for_it(changes, reason):
    """The same number is not the same process: in another namespace, after a reboot, or once the pid is used again."""
    assert reason_of(own_ring(**changes)) is reason


def test_a_namespace_that_may_not_be_read_is_told(tmp_path):
    """Another user's process may look right by number and start and still be another container's."""
    ring = own_ring(pid_namespace=17)
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "status").write_text(f"Name:\tx\nNSpid:\t{os.getpid()}\n")
    with pytest.raises(NotInView) as caught:
        pid_in_view(ring, read_table(), own_viewpoint(), str(tmp_path))
    assert caught.value.reason is Reason.PID_NAMESPACE_UNREADABLE


def ring_writer(folder, *prefix: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", LOGS_AND_WAITS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "RUNVITALS_RUNS_DIR": str(folder)},
    )


def finish(writer: subprocess.Popen) -> None:
    writer.communicate(timeout=60)


def test_live_rings_of_real_writers_are_listed(tmp_path):
    """A process that logs is found by its ring, and no more once it has ended."""
    writer = ring_writer(tmp_path)
    try:
        assert writer.stdout.readline() == b"ready\n"
        (ring,) = ring_processes([str(tmp_path)])
        assert (ring.run, ring.rank) == ("llama", "3")
        assert pid_in_view(ring, read_table(), own_viewpoint()) == writer.pid
    finally:
        finish(writer)
    assert ring_processes([str(tmp_path)]) == []


def test_a_writer_in_another_pid_namespace_is_translated(tmp_path):
    """A trainer in a container calls itself pid 1; from outside it is found under the number it has here."""
    prefix = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a pid namespace here")
    writer = ring_writer(tmp_path, *prefix)
    try:
        assert writer.stdout.readline() == b"ready\n"
        (ring,) = ring_processes([str(tmp_path)])
        assert ring.pid == 1
        assert ring.pid_namespace != pid_namespace()
        table = read_table()
        found = pid_in_view(ring, table, own_viewpoint())
        assert table[found].parent == writer.pid
    finally:
        finish(writer)
