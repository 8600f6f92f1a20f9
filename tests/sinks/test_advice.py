"""Open findings are written beside the ring of the run that they are about, and nowhere else."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import msgspec
import pytest

from runvitals.sinks.advice import REFRESH_SECONDS, AdviceFiles
from runvitals.values import Evidence, Finding, RankView, RunStatus, Snapshot

FINDING = Finding(
    id="0123",
    fault="loss_spike",
    category="parameters",
    severity="warning",
    run="r",
    rank="0",
    opened_time=1.0,
    opened_step=7,
    confidence=0.5,
    evidence=[Evidence("The loss is high.")],
    first_action="Look.",
)


def rank(folder, *findings, ring="r-1.ring", status=RunStatus.RUNNING):
    info = {"ring": ring, "folder": str(folder)}
    return RankView("r", "0", status, info, 9, 9.0, None, None, {}, {}, {}, {}, (), findings)


def snapshot(*ranks):
    return Snapshot(9.0, True, (), ranks, (), {})


@pytest.fixture
def files():
    """Brought in line by hand."""
    return AdviceFiles(lambda: None)


@pytest.fixture
def folder(tmp_path):
    """Holds one ring."""
    (tmp_path / "r-1.ring").write_bytes(b"")
    return tmp_path


def names(folder: Path):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".ring")


def test_what_is_open_is_written_and_removed_with_its_closing(files, folder):
    """With what a training needs to act, readable by the run's user, and nothing left over."""
    files.update(snapshot(rank(folder, FINDING)), 0.0)
    path = folder / "r-1.advice"
    [written] = json.loads(path.read_text())["findings"]
    expected = ("id", "fault", "category", "severity", "opened_step", "confidence", "first_action")
    assert written == {name: getattr(FINDING, name) for name in expected}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    files.update(snapshot(rank(folder, msgspec.structs.replace(FINDING, closed_time=8.0))), 1.0)
    assert names(folder) == []


@pytest.mark.parametrize("status", [one for one in RunStatus if one is not RunStatus.RUNNING])
def test_a_run_that_is_not_known_to_live_has_no_file(files, folder, status):
    """It has ended, or nobody knows."""
    files.update(snapshot(rank(folder, FINDING)), 0.0)
    files.update(snapshot(rank(folder, FINDING, status=status)), 1.0)
    assert names(folder) == []


def test_a_rank_that_left_the_page_leaves_no_file(files, folder):
    """Nor does one whose next run writes another ring."""
    files.update(snapshot(rank(folder, FINDING)), 0.0)
    files.update(snapshot(), 1.0)
    assert names(folder) == []


def test_what_an_earlier_sidecar_left_is_removed(files, folder):
    """It may have been killed."""
    (folder / "r-1.advice").write_text("{}")
    files.update(snapshot(rank(folder)), 0.0)
    assert names(folder) == []


def test_it_is_written_anew_only_when_it_changes_or_grows_old(files, folder):
    """A reader takes an old file for that of a dead sidecar."""
    path = folder / "r-1.advice"
    files.update(snapshot(rank(folder, FINDING)), 0.0)
    first = path.stat().st_ino
    files.update(snapshot(rank(folder, FINDING)), 0.9 * REFRESH_SECONDS)
    assert path.stat().st_ino == first
    files.update(snapshot(rank(folder, FINDING)), REFRESH_SECONDS)
    assert path.stat().st_ino != first


def test_a_link_in_its_place_is_replaced_and_not_followed(files, folder, tmp_path):
    """Others may write the folder."""
    (folder / "secret").write_text("kept")
    (folder / "r-1.advice").symlink_to(folder / "secret")
    files.update(snapshot(rank(folder, FINDING)), 0.0)
    assert not (folder / "r-1.advice").is_symlink()
    assert (folder / "secret").read_text() == "kept"


@pytest.mark.parametrize("ring", ["r-2.ring", "../r-1.ring", "linked.ring"])
def test_nothing_is_written_where_that_ring_is_not(files, folder, ring):
    """Nor where only a link is called like it."""
    inner = folder / "inner"
    inner.mkdir()
    (inner / "linked.ring").symlink_to(folder / "r-1.ring")
    files.update(snapshot(rank(inner, FINDING, ring=ring)), 0.0)
    assert names(inner) == []
    assert names(folder) == ["inner"]


def test_what_is_in_the_way_is_told_once_and_tried_again(files, folder, caplog):
    """A folder in the file's place, for instance."""
    (folder / "r-1.advice").mkdir()
    for moment in (0.0, 1.0, REFRESH_SECONDS):
        files.update(snapshot(rank(folder, FINDING)), moment)
    assert len(caplog.records) == 1
    (folder / "r-1.advice").rmdir()
    files.update(snapshot(rank(folder, FINDING)), 2 * REFRESH_SECONDS)
    assert names(folder) == ["r-1.advice"]


def test_a_sidecar_that_ends_takes_its_files_along(folder):
    """Nobody keeps them up to date."""
    files = AdviceFiles(lambda: snapshot(rank(folder, FINDING)))
    files.update(snapshot(rank(folder, FINDING)), 0.0)
    files.start()
    files.stop()
    assert names(folder) == []
