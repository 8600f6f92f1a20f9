"""SECURITY.md promises nothing that no test holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[a-z0-9_/]+\.py)::(\w+)`", SECURITY)))
ROWS = [
    line
    for line in SECURITY.splitlines()
    if line.startswith("| ") and not line.startswith(("| He tries", "| It tries"))
]


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_that_is_named_exists(file: str, test: str) -> None:
    """The file has a test of that name, which is collected and not skipped as a whole."""
    functions = [
        one for one in ast.parse((ROOT / file).read_text(encoding="utf-8")).body if isinstance(one, ast.FunctionDef)
    ]
    [found] = [one for one in functions if one.name == test]
    assert not any("mark.skip" in ast.unparse(decorator) for decorator in found.decorator_list)


def test_every_threat_has_a_test() -> None:
    """Each row of the tables names at least one, and every reference is written so that it is found."""
    assert len(ROWS) > 25
    assert all(re.search(r"`tests/[^`]+::\w+`", row) for row in ROWS)
    assert SECURITY.count("::") == len(re.findall(r"`tests/[a-z0-9_/]+\.py::\w+`", SECURITY))


def test_the_readme_leads_to_it() -> None:
    """Who looks for how to report a hole finds it."""
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
