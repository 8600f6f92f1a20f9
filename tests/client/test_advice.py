"""What a run obeys of the advice file beside its ring, and what it does not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import runvitals
from runvitals.client import advice as advice_module
from runvitals.client.advice import MAX_BYTES, STALE_SECONDS, Advice

FINDING = {
    "id": "0123",
    "fault": "gradient_explosion",
    "category": "parameters",
    "severity": "critical",
    "opened_step": 7,
    "confidence": 0.9,
    "first_action": "Save a checkpoint.",
}
KNOWN = Advice("gradient_explosion", "critical", "parameters", 7, 0.9, "Save a checkpoint.", "0123")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the file at every call."""
    monkeypatch.setattr(advice_module, "CHECK_SECONDS", 0.0)
    monkeypatch.delenv("RUNVITALS_ADVICE_UID", raising=False)


def put(runs: Path, findings: Any = (FINDING,), **changes: Any) -> Path:
    """Write an advice file for the one ring that is there, as a whole."""
    [ring] = runs.glob("*.ring")
    path = ring.with_suffix(".advice")
    temporary = runs / "temporary"
    temporary.write_text(json.dumps({"ring": ring.name, "findings": list(findings), **changes}))
    temporary.chmod(0o644)
    temporary.replace(path)
    return path


def test_open_findings_come_and_go(runs: Path) -> None:
    """None without a file; what stands there; none once it is removed, and after the run is closed."""
    with runvitals.watch("r") as run:
        assert run.advice() == ()
        path = put(runs)
        assert run.advice() == (KNOWN,)
        put(runs, [FINDING, {**FINDING, "id": "4567", "opened_step": None}])
        assert [one.id for one in run.advice()] == ["0123", "4567"]
        path.unlink()
        assert run.advice() == ()
        put(runs)
    assert run.advice() == ()


def test_the_file_is_looked_at_now_and_then_only(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In between, what was known holds, so that asking costs as little as a clock."""
    monkeypatch.setattr(advice_module, "CHECK_SECONDS", 3600.0)
    with runvitals.watch("r") as run:
        assert run.advice() == ()
        put(runs)
        assert run.advice() == ()


def test_a_file_that_nobody_refreshes_is_not_obeyed(runs: Path) -> None:
    """The sidecar that wrote it is gone."""
    with runvitals.watch("r") as run:
        path = put(runs)
        for age, expected in ((STALE_SECONDS + 1, ()), (1.0, (KNOWN,)), (-STALE_SECONDS - 1, ())):
            os.utime(path, (time.time() - age, time.time() - age))
            assert run.advice() == expected


@ROOT
def test_whose_file_is_obeyed(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's, its own user's, and that of the user who is named; nobody else's."""
    with runvitals.watch("r") as run:
        path = put(runs)
        os.chown(path, 12345, 0)
        assert run.advice() == ()
        monkeypatch.setenv("RUNVITALS_ADVICE_UID", "12345")
        assert run.advice() == (KNOWN,)
        path.chmod(0o666)
        put(runs).chmod(0o666)
        assert run.advice() == ()


def test_a_link_is_not_followed(runs: Path) -> None:
    """Neither to a good file."""
    with runvitals.watch("r") as run:
        path = put(runs)
        path.rename(runs / "elsewhere")
        path.symlink_to(runs / "elsewhere")
        assert run.advice() == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 50_000,
        b" " * (MAX_BYTES + 1),
        b'{"ring": "another.ring", "findings": []}',
        b'{"findings": []}',
    ],
)
def test_what_is_no_advice_is_none(runs: Path, content: bytes) -> None:
    """And never an exception."""
    with runvitals.watch("r") as run:
        put(runs).write_bytes(content)
        assert run.advice() == ()
        put(runs)
        assert run.advice() == (KNOWN,)


@pytest.mark.parametrize("changes", [{"opened_step": "7"}, {"confidence": "much"}, {"confidence": None}])
def test_a_finding_of_wrong_types_is_none(runs: Path, changes: dict[str, Any]) -> None:
    """A number that is none could come to be computed with."""
    with runvitals.watch("r") as run:
        put(runs, [{**FINDING, **changes}])
        assert run.advice() == ()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_never_holds_up_the_run(runs: Path, make: Any) -> None:
    """A pipe that nobody writes would wait for ever."""
    with runvitals.watch("r") as run:
        [ring] = runs.glob("*.ring")
        make(ring.with_suffix(".advice"))
        assert run.advice() == ()


def test_a_relative_folder_is_found_after_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training may go elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", "runs")
    with runvitals.watch("r") as run:
        put(tmp_path / "runs")
        monkeypatch.chdir("/")
        assert run.advice() == (KNOWN,)


def test_a_run_without_a_ring_is_not_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does nothing, as ever."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", "/proc/nowhere")
    with pytest.warns(RuntimeWarning):
        run = runvitals.watch("r")
    assert run.advice() == ()
