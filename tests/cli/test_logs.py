"""What is logged stays on its line, and says no more than was meant."""

from __future__ import annotations

import json
import logging

import pytest

from runvitals.cli.logs import JsonFormatter, TextFormatter

HOSTILE = "run\n2026-01-01T00:00:00.000 error all is lost\r\x1b[31m\x07\x9b2J"


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_foreign_name_forges_no_line(formatter: logging.Formatter) -> None:
    """A name with line ends and sequences for the terminal is one line without any of them."""
    record = logging.LogRecord("here", logging.WARNING, "", 0, "the run %s is bad", (HOSTILE,), None)
    line = formatter.format(record)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in line)
    assert line.count("all is lost") == 1


def test_json_says_exactly_what_was_meant() -> None:
    """Escaped, the name is still the same."""
    record = logging.LogRecord("here", logging.WARNING, "", 0, "%s", (HOSTILE,), None)
    assert json.loads(JsonFormatter().format(record))["message"] == HOSTILE
