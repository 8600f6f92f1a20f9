"""Makes `deploy.quickstart` importable, as it is for quickstart.sh: from the root of the repository."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import containers

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def base() -> str:
    """The name of a base image; skips where images cannot be built."""
    containers.require("buildah", "podman")
    return containers.base_image()


@pytest.fixture(scope="session")
def image(base: str) -> Iterator[str]:
    """The image, built from this repository."""
    name = containers.build(base)
    yield name
    containers.podman("rmi", "--force", name)
