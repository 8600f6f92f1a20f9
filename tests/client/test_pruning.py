"""Ended rings are kept for a while, and live ones always."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import runvitals
from runvitals.client import ring_pruning
from runvitals.client.live_rings import live_rings
from runvitals.client.ring_files import is_locked


def make_ended(run: str, rank: int = 0) -> None:
    runvitals.watch(run, rank=rank).close()


def test_the_three_newest_are_kept_of_each_run_and_rank(runs: Path) -> None:
    """Older rings of the same run and rank are deleted, those of others are not."""
    make_ended("other")
    make_ended("r", rank=1)
    names = []
    for _ in range(6):
        make_ended("r")
        newest = max(runs.glob("r-*.ring"), key=lambda path: path.stat().st_mtime_ns)
        names.append(newest.name)
        time.sleep(0.02)
    left = {path.name for path in runs.glob("r-*.ring")}
    assert set(names[-3:]) <= left
    assert not set(names[:2]) & left
    assert len(list(runs.glob("other-*.ring"))) == 1


def test_all_ended_rings_together_are_bounded(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest ended rings go where all together are more than the bound."""
    monkeypatch.setattr(ring_pruning, "KEPT_BYTES", 4 << 20)
    for number in range(8):
        make_ended(f"run{number}")
        time.sleep(0.02)
    left = sorted(path.name[:4] for path in runs.glob("*.ring"))
    assert left == ["run3", "run4", "run5", "run6", "run7"]  # the newest was not yet ended when it pruned


def test_files_that_are_no_rings_are_never_deleted(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's own file that is named like a ring stays, however old and large it is."""
    monkeypatch.setattr(ring_pruning, "KEPT_BYTES", 1 << 20)
    runs.mkdir()
    others = [runs / "wedding.ring", runs / "r-1.ring", runs / "empty.ring"]
    for path in others:
        path.write_bytes(b"mine" * (1 << 20) * (path.stem != "empty"))
        os.utime(path, (1, 1))
    for _ in range(6):
        make_ended("r")
    assert all(path.exists() for path in others)


def test_live_rings_keep_their_lock_through_all_that(runs: Path) -> None:
    """Neither pruning nor a second `watch` in the same process deletes a live ring or drops its lock."""
    run = runvitals.watch("r")
    for number in range(6):
        make_ended("r", rank=number % 2 + 1)
        runvitals.watch("r")
    check = (
        "import sys; from runvitals.client.live_rings import live_rings;"
        "print([ring.header.rank for ring in live_rings([sys.argv[1]])])"
    )
    seen = subprocess.run([sys.executable, "-c", check, str(runs)], capture_output=True, text=True, check=True)
    assert seen.stdout == "['0']\n"
    run.close()
    assert list(live_rings([str(runs)])) == []


def test_another_processes_live_ring_is_not_pruned(runs: Path) -> None:
    """A live ring of the same run and rank, held by another process, stays, and stays locked."""
    script = "import runvitals, sys; run = runvitals.watch('r'); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        path = next(runs.glob("*.ring"))
        for _ in range(6):
            make_ended("r")
        descriptor = os.open(path, os.O_RDONLY)
        locked = is_locked(descriptor)
        os.close(descriptor)
        other.stdin.close()
    assert locked is True


def test_what_a_dead_maker_left_is_swept(runs: Path) -> None:
    """A temporary file that nobody holds is deleted once it is old, a young one is not."""
    make_ended("r")
    old, young = runs / ".x-1.ring-being-made", runs / ".x-2.ring-being-made"
    for path in (old, young):
        path.touch()
    os.utime(old, (1, 1))
    make_ended("r")
    assert not old.exists()
    assert young.exists()
