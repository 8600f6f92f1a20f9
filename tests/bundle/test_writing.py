"""What was written may be written again; what somebody changed is not written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runvitals.bundle import ChangedFilesError, write_files

FILES = {"a.yml": "one\n", "below/b.yml": "two\n"}


def test_it_writes_and_says_what_changed(tmp_path: Path) -> None:
    """Files are written below the folder, which is made; what is as it should be is left alone."""
    folder = tmp_path / "new" / "folder"
    assert write_files(folder, FILES) == ["a.yml", "below/b.yml"]
    assert (folder / "below" / "b.yml").read_text() == "two\n"
    assert write_files(folder, {**FILES, "a.yml": "other\n"}) == ["a.yml"]
    assert write_files(folder, {**FILES, "a.yml": "other\n"}) == []


def test_a_changed_file_is_kept(tmp_path: Path) -> None:
    """A file that was changed stops everything, by name, until it is forced."""
    write_files(tmp_path, FILES)
    (tmp_path / "a.yml").write_text("mine\n")
    with pytest.raises(ChangedFilesError, match=r"a\.yml.*--force"):
        write_files(tmp_path, {"a.yml": "three\n", "below/b.yml": "four\n"})
    assert (tmp_path / "a.yml").read_text() == "mine\n"
    assert (tmp_path / "below" / "b.yml").read_text() == "two\n"
    write_files(tmp_path, {"a.yml": "three\n"}, force=True)
    assert (tmp_path / "a.yml").read_text() == "three\n"


def test_a_file_that_was_never_ours_is_kept(tmp_path: Path) -> None:
    """So is one that was there before, unless it is the same already."""
    (tmp_path / "a.yml").write_text("one\n")
    write_files(tmp_path, {"a.yml": "one\n"})
    (tmp_path / "c.yml").write_text("theirs\n")
    with pytest.raises(ChangedFilesError, match=r"c\.yml"):
        write_files(tmp_path, {"a.yml": "one\n", "c.yml": "ours\n"})


def test_a_file_that_is_no_longer_shipped_goes(tmp_path: Path) -> None:
    """Rules of an older version do not stay behind; changed ones do, and are named."""
    write_files(tmp_path, FILES)
    assert write_files(tmp_path, {"a.yml": "one\n"}) == ["below/b.yml"]
    assert not (tmp_path / "below" / "b.yml").exists()
    (tmp_path / "a.yml").write_text("mine\n")
    with pytest.raises(ChangedFilesError, match=r"a\.yml"):
        write_files(tmp_path, {})


@pytest.mark.parametrize("manifest", ["{", "[1]", '{"../outside": "00"}', '{"/etc/passwd": "00", "": "00"}'])
def test_a_manifest_that_is_none_deletes_nothing(manifest: str, tmp_path: Path) -> None:
    """Somebody else's manifest can neither name files outside of the folder nor stop the command."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside").write_text("kept")
    (folder / ".runvitals-bundle.json").write_text(manifest)
    assert write_files(folder, FILES, force=True) == list(FILES)
    assert (tmp_path / "outside").read_text() == "kept"


@pytest.mark.parametrize("link", ["below", "a.yml", ".runvitals-bundle.json"])
def test_links_in_the_folder_are_not_followed(link: str, tmp_path: Path) -> None:
    """Whoever may write the folder cannot have another's file written or deleted elsewhere."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    elsewhere.mkdir()
    folder.mkdir()
    (elsewhere / "b.yml").write_text("theirs\n")
    (folder / link).symlink_to(elsewhere if link == "below" else elsewhere / "b.yml")
    for force in (False, True):
        with pytest.raises(OSError, match="is a link"):
            write_files(folder, FILES, force=force)
    assert [path.read_text() for path in elsewhere.iterdir()] == ["theirs\n"]


def test_a_manifest_cannot_have_a_file_behind_a_link_deleted(tmp_path: Path) -> None:
    """A file elsewhere that somebody wrote into the manifest, with its digest, stays."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    write_files(elsewhere, {"b.yml": "theirs\n"})
    write_files(folder, FILES)
    (folder / "out").symlink_to(elsewhere)
    manifest = folder / ".runvitals-bundle.json"
    digest = json.loads((elsewhere / ".runvitals-bundle.json").read_text())["b.yml"]
    manifest.write_text(json.dumps({"out/b.yml": digest}))
    with pytest.raises(OSError, match="is a link"):
        write_files(folder, FILES)
    assert (elsewhere / "b.yml").read_text() == "theirs\n"


def test_a_link_in_the_place_of_what_is_being_written(tmp_path: Path) -> None:
    """The name under which a file is written at first cannot be guessed, and is never one that is there."""
    victim = tmp_path / "victim"
    victim.write_text("theirs\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".a.yml.new").symlink_to(victim)
    write_files(folder, FILES)
    assert victim.read_text() == "theirs\n"
    assert sorted(path.name for path in folder.iterdir()) == [".a.yml.new", ".runvitals-bundle.json", "a.yml", "below"]
