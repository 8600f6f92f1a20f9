"""The descriptor of a ring that its own process reads: whoever comes last closes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import runvitals
from runvitals.client.opened_ring import OpenedRing
from runvitals.client.own_rings import OWN_RINGS, OwnRing


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_the_writer_closes_where_nobody_reads(tmp_path: Path) -> None:
    """And a reader who comes too late is told so."""
    ring = OwnRing(os.open(tmp_path, os.O_RDONLY))
    ring.let_go()
    assert not is_open(ring.descriptor)
    assert not ring.hold()


@pytest.mark.parametrize("readers", [1, 3])
def test_the_last_of_the_readers_closes_where_the_writer_went_first(tmp_path: Path, readers: int) -> None:
    """The writer does not wait, and no descriptor stays."""
    ring = OwnRing(os.open(tmp_path, os.O_RDONLY))
    assert all(ring.hold() for _ in range(readers))
    for _ in range(readers):
        ring.let_go()
        assert is_open(ring.descriptor)
    ring.let_go()
    assert not is_open(ring.descriptor)


def test_an_own_ring_lives_until_its_run_is_closed(runs: Path) -> None:
    """Told without asking for its lock; what it holds is read to the end."""
    run = runvitals.watch("own")
    [path] = runs.glob("*.ring")
    opened = OpenedRing.open(str(path))
    assert opened.header.run == "own"
    assert opened.is_live()
    run.close()
    assert opened.is_live() is False
    assert os.pread(opened.descriptor, 8, 0)
    opened.close()
    assert not is_open(opened.descriptor)
    assert not OWN_RINGS
