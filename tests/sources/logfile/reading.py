"""Whole files as rows, for tests of formats."""

import os
from collections import Counter
from pathlib import Path

import pytest

from runvitals.sources.logfile.text_log import TextLog
from runvitals.sources.logfile.whole_file import rows_of

DATA = Path(os.environ.get("RUNVITALS_TEST_DATA", Path(__file__).parents[4] / "shared" / "data")) / "trainer_output"


def recorded(name):
    """Return a file that a real trainer wrote; the test is skipped where it is not at hand."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the recorded output {name} is not here")
    return path


def rows(path):
    """Return all rows and clues of a file."""
    return list(rows_of(path, Counter()))


def read_line(line, patterns=()):
    """Return the one row that a line of a text log is."""
    [row] = TextLog().read(f"{line}\n".encode(), Counter(), patterns)[1]
    return row
