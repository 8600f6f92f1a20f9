"""A folder for rings, and what was written into it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which `watch` puts its rings."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(folder))
    for name in ("RANK", "WORLD_SIZE", "RUNVITALS_RANK", "RUNVITALS_RING_MODE"):
        monkeypatch.delenv(name, raising=False)
    return folder
