"""What goes into the image is locked by hash, and the locks are those of pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.programs import ROOT

DEPLOY = ROOT / "deploy"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_ENTRY = re.compile(r"^(?P<requirement>[A-Za-z0-9][^\\\n]*?) \\\n(?P<hashes>(?: +--hash=.*\n?)+)", re.MULTILINE)

tomllib = pytest.importorskip("tomllib", reason="reading pyproject.toml needs Python 3.11")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _entries(lock: Path) -> list[tuple[Requirement, list[str]]]:
    found = _ENTRY.finditer(lock.read_text())
    return [(Requirement(entry["requirement"]), re.findall(r"--hash=(\S+)", entry["hashes"])) for entry in found]


def _locked(lock: Path, python: str) -> dict[str, Version]:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    chosen = [one for one, _ in _entries(lock) if one.marker is None or one.marker.evaluate(environment)]
    versions = {canonicalize_name(one.name): Version(str(one.specifier).removeprefix("==")) for one in chosen}
    assert len(versions) == len(chosen), "a package is locked twice for the same Python"
    return versions


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("lock", "required"),
    [
        (
            DEPLOY / "requirements.lock",
            [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["auth"]],
        ),
        (DEPLOY / "build-requirements.lock", PROJECT["build-system"]["requires"]),
    ],
    ids=["sidecar", "build"],
)
def test_the_lock_is_that_of_the_project(lock: Path, required: list[str], python: str) -> None:
    """What pyproject.toml asks for is locked, at a version that it allows."""
    locked = _locked(lock, python)
    for requirement in map(Requirement, required):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("name", ["requirements.lock", "build-requirements.lock"])
def test_everything_is_pinned_by_hash(name: str) -> None:
    """Each entry names one version and its SHA-256 sums; the head of the lock says how to renew it."""
    text = (DEPLOY / name).read_text()
    entries = _entries(DEPLOY / name)
    assert len(entries) == sum("==" in line for line in text.splitlines())
    assert all(hashes and all(one.startswith("sha256:") for one in hashes) for _, hashes in entries)
    assert "deploy/lock.sh" in text.splitlines()[1]


def test_the_image_is_labelled_with_the_version_of_the_project() -> None:
    """The version of the label stands in the Dockerfile, and is the project's."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^ARG VERSION=(\S+)$", dockerfile, re.MULTILINE)[1] == PROJECT["project"]["version"]
