"""Finds the real programs that tests run against: promtool, amtool, prometheus, alertmanager."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bin"  # where deploy/bring_tools.sh puts them
REQUIRE = "RUNVITALS_REQUIRE_PROGRAMS"
OTHER_NAMES = {"alertmanager": ("prometheus-alertmanager",)}  # Debian's


def find_program(name: str) -> Path:
    """Return the program's path, from the PATH or from .tools; skip the test, saying so, where it is in neither.

    With RUNVITALS_REQUIRE_PROGRAMS=1 a program that is absent fails the test: there no skip may pass for a success.
    """
    names = (name, *OTHER_NAMES.get(name, ()))
    for folders in (os.environ.get("PATH"), str(TOOLS)):
        for found in filter(None, (shutil.which(candidate, path=folders) for candidate in names)):
            return Path(found).resolve()
    reason = f"{name} is neither on the PATH nor in {TOOLS}: deploy/bring_tools.sh brings it"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(reason)
    pytest.skip(reason)
