"""Makes `deploy.quickstart` importable, as it is for quickstart.sh: from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT
