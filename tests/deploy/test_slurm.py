"""Beside SLURM and torchrun: nothing that fails here reaches the job, and the last steps outlive the node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.containers import free_port
from tests.programs import ROOT
from tests.servers import wait_until

SLURM = ROOT / "deploy" / "slurm"
USER, OTHER_USER = 45671, 45672

TRAINING = """
import sys, time, runvitals
with runvitals.watch("beside") as run:
    for step in range(20):
        run.log(step=step, loss=1.0 if step < 12 else float("nan"))
        time.sleep(0.1)
sys.exit(3)
"""
PATIENT = """#!/bin/sh
trap 'echo told; exit 9' TERM
echo started
while :; do sleep 0.05; done
"""


@pytest.fixture
def node(tmp_path: Path) -> dict[str, str]:
    """The variables of a job's end: a user of whom nothing runs, their rings, and an archive that all may write."""
    tmp_path.chmod(0o755)
    for name in ("runs", "archive"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o1777)
    job = {"SLURM_JOB_ID": "77", "SLURM_JOB_UID": str(USER), "SLURM_JOB_GID": str(USER)}
    folders = {"RUNVITALS_RUNS_DIR": str(tmp_path / "runs"), "RUNVITALS_ARCHIVE": str(tmp_path / "archive")}
    return os.environ | job | folders | {"RUNVITALS_READ_SECONDS": "0"}


def _open_to_all(path: Path) -> None:
    """Let other users through the folders above, which pytest makes for its own user alone."""
    for folder in path.parents:
        if folder.owner() == path.owner() and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)


def _ring(folder: Path, name: str, user: int) -> Path:
    path = folder / name
    path.write_text("steps")
    os.chown(path, user, user)
    return path


def _epilog(node: Mapping[str, str]) -> int:
    return subprocess.run([SLURM / "epilog.sh"], check=False, env=dict(node)).returncode


def test_a_prolog_never_keeps_a_job_from_starting(tmp_path: Path) -> None:
    """Where neither service nor folder can be had, it ends with 0: else SLURM would drain the node."""
    for name in ("systemctl", "systemd-tmpfiles", "logger"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert subprocess.run([SLURM / "prolog.sh"], check=False, env=os.environ | {"PATH": path}).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="SLURM's epilog is root's")
class TestEpilog:
    """What becomes of the rings."""

    def test_the_rings_of_the_user_are_moved(self, node: Mapping[str, str], tmp_path: Path) -> None:
        """They lie in a folder of job and host, and are still the user's; links and rings of others are left alone."""
        _open_to_all(tmp_path)
        runs, archive = tmp_path / "runs", tmp_path / "archive"
        _ring(runs, "mine.ring", USER)
        other = _ring(runs, "other.ring", OTHER_USER)
        link = runs / "link.ring"
        link.symlink_to("/etc/passwd")
        os.lchown(link, USER, USER)
        assert _epilog(node) == 0
        [moved] = archive.rglob("*.ring")
        assert (moved.name, moved.stat().st_uid, moved.parts[-3]) == ("mine.ring", USER, "77")
        assert {path.name for path in runs.iterdir()} == {other.name, link.name}

    def test_nothing_is_moved_under_another_job_of_the_user(self, node: Mapping[str, str], tmp_path: Path) -> None:
        """While a process of the user runs on the node, its rings stay where they are written."""
        ring = _ring(tmp_path / "runs", "mine.ring", USER)
        with subprocess.Popen(["sleep", "600"], user=USER) as other:
            assert _epilog(node) == 0
            other.kill()
        assert ring.exists()

    def test_an_archive_that_cannot_be_written_fails_no_node(self, node: Mapping[str, str], tmp_path: Path) -> None:
        """The exit code is 0 all the same, and the rings stay."""
        ring = _ring(tmp_path / "runs", "mine.ring", USER)
        assert _epilog({**node, "RUNVITALS_ARCHIVE": "/proc/nowhere"}) == 0
        assert ring.exists()


def _wrapper_environment(tmp_path: Path) -> dict[str, str]:
    folders = {"RUNVITALS_RUNS_DIR": str(tmp_path / "runs"), "RUNVITALS_STATE_DIR": str(tmp_path / "state")}
    return os.environ | folders | {"RUNVITALS_WEB_LISTEN_ADDRESS": f"127.0.0.1:{free_port()}"}


@pytest.mark.slow
def test_torchrun_beside_its_sidecar(tmp_path: Path) -> None:
    """The exit code is torchrun's, and what was wrong at the end of the run is in the journal."""
    pytest.importorskip("torch")
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    environment = _wrapper_environment(tmp_path)
    command = [SLURM / "torchrun_with_sidecar.sh", "--standalone", "--nproc-per-node=1", script]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr  # torchrun's own code for a worker that failed
    listed = subprocess.run(
        [sys.executable, "-m", "runvitals", "incidents", "list", "--state-dir", tmp_path / "state"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "nonfinite_loss" in listed.stdout
    assert "stopping" in (tmp_path / "state" / "sidecar.log").read_text()


@pytest.mark.slow
def test_a_signal_reaches_torchrun(tmp_path: Path) -> None:
    """What SLURM sends before a job ends goes to torchrun, whose exit code is kept; the sidecar ends after it."""
    torchrun = tmp_path / "torchrun"
    torchrun.write_text(PATIENT)
    torchrun.chmod(0o755)
    environment = _wrapper_environment(tmp_path)
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    command = [SLURM / "torchrun_with_sidecar.sh"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as wrapper:
        assert wrapper.stdout.readline() == "started\n"
        log = tmp_path / "state" / "sidecar.log"
        wait_until(lambda: "serves" in log.read_text(), "the sidecar")
        wrapper.send_signal(signal.SIGTERM)
        assert wrapper.stdout.readline() == "told\n"
        assert wrapper.wait() == 9
    assert "stopping" in log.read_text()
