"""Where rings are put, and what happens where they cannot be."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import runvitals
from runvitals.client import ring_creation, ring_folders
from runvitals.client.ring_creation import create_ring
from tests.client.written import only_ring, run_script, values

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts, or becomes another user")


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@ROOT
def test_a_full_disk_turns_the_client_off(small_disk: Path) -> None:
    """With no space for a ring there is one warning, nothing is left behind, and training goes on."""
    (small_disk / "other").write_bytes(bytes(2_500_000))
    with pytest.warns(RuntimeWarning, match="No space left"):
        run = runvitals.watch("r")
    run.log(step=1, loss=1.0)
    assert not run.is_recording
    assert [path.name for path in small_disk.iterdir()] == ["other"]


@ROOT
def test_a_disk_that_fills_up_later_does_no_harm(small_disk: Path) -> None:
    """A ring's space is its own from the beginning: other files cannot take it, and no write into it can fail."""
    script = """
import os, runvitals
run = runvitals.watch("r")
folder = os.environ["RUNVITALS_RUNS_DIR"]
try:
    with open(folder + "/other", "wb") as file:
        while True:
            file.write(bytes(65536))
            file.flush()
except OSError as error:
    print(error.strerror)
for step in range(20000):
    run.log(step=step, loss=float(step), a=1.0, b=2.0, c=3.0)
"""
    done = run_script(script)
    assert (done.returncode, done.stdout) == (0, "No space left on device\n")
    assert values(small_disk)[-4] == ("loss", 19999, 19999.0)


@pytest.mark.parametrize("then", ["log", "close"])
def test_a_folder_that_is_removed_does_no_harm(runs: Path, then: str) -> None:
    """The run goes on writing into a ring that nobody can find any more, and closes it."""
    run = runvitals.watch("r")
    shutil.rmtree(runs)
    if then == "log":
        for step in range(10):
            run.log(step=step, loss=1.0)
    run.close()
    assert not runs.exists()


def test_a_limit_on_file_sizes_turns_the_client_off(runs: Path) -> None:
    """Where a ring would exceed `ulimit -f` the process gets a warning, not the signal that ends it."""
    script = """
import resource, signal, runvitals
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
print("went on", runvitals.watch("r").is_recording)
"""
    done = run_script(script)
    assert (done.stdout, done.returncode) == ("went on False\n", 0)
    assert "File too large" in done.stderr
    assert list(runs.iterdir()) == []


def test_no_folder_turns_the_client_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be made gives one warning and a run that does nothing."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", "/proc/no/such")
    with pytest.warns(RuntimeWarning, match="no vitals of this run are recorded") as caught:
        run = runvitals.watch("r")
    with run:
        run.log(step=1, loss=1.0)
        run.mark("phase", "x")
    assert len(caught) == 1


@ROOT
def test_a_read_only_folder_turns_the_client_off(small_disk: Path) -> None:
    """On a file system that is read-only there is one warning, and training goes on."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.warns(RuntimeWarning, match="Read-only"):
        runvitals.watch("r").log(step=1, loss=1.0)


@ROOT
def test_a_folder_of_somebody_else_turns_the_client_off(runs: Path) -> None:
    """A user who may not write into the folder gets one sentence, and training goes on."""
    runs.mkdir()
    runs.parent.chmod(0o755)
    script = """
import os, runvitals
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
run = runvitals.watch("r")
run.log(loss=1.0)
print(os.geteuid(), run.is_recording)
"""
    done = run_script(script)
    assert done.stdout == "65534 False\n"
    assert done.stderr.count("Permission denied") == 1


def test_the_files_mode(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring is 0640 unless told otherwise, and only its owner may ever write: to cut it would kill the writer."""
    for text, expected in (
        ("", 0o640),
        ("0600", 0o600),
        ("0o644", 0o644),
        ("666", 0o644),
        ("777", 0o644),
        ("no", 0o640),
    ):
        monkeypatch.setenv("RUNVITALS_RING_MODE", text)
        runvitals.watch(f"r{text}").close()
        ring = next(path for path in runs.glob("*.ring") if path.name.startswith(f"r{text}-"))
        assert stat.S_IMODE(ring.stat().st_mode) == expected, text


def test_the_temporary_folder_must_be_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a place where anyone may write, a folder that is a link, or that others may write into, is not used."""
    monkeypatch.delenv("RUNVITALS_RUNS_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(ring_folders, "SHARED_FOLDER", str(tmp_path / "none"))
    ours = tmp_path / f"runvitals-{os.geteuid()}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ours.symlink_to(elsewhere)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not runvitals.watch("r").is_recording
        ours.unlink()
        ours.mkdir()
        ours.chmod(0o777)
        assert not runvitals.watch("r").is_recording
    assert list(elsewhere.iterdir()) == []
    ours.rmdir()
    with runvitals.watch("r") as run:
        assert run.is_recording
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    assert only_ring(ours)


def test_a_failure_leaves_nothing_behind(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ring cannot be finished its temporary file is deleted, and no descriptor stays open."""

    def fails(*_: object) -> None:
        raise OSError("no")

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(ring_creation, "RingWriter", fails)
    with pytest.raises(OSError, match="no"):
        create_ring("r", "0", 1)
    assert list(runs.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
