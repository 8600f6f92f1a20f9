"""A program that is absent skips a test with its reason, and fails it where nothing may be skipped."""

from __future__ import annotations

import pytest

from tests import programs


def test_an_absent_program_skips_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable a developer's machine may lack a program."""
    monkeypatch.delenv(programs.REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is neither on the PATH nor in"):
        programs.find_program("no-such-program")


def test_an_absent_program_fails_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it no skip passes for a success."""
    monkeypatch.setenv(programs.REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        programs.find_program("no-such-program")
