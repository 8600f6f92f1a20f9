"""Rows get the times that stand in them, else those of the file; none is in the future."""

import time
from datetime import datetime, timezone

import pytest

from runvitals.sources.logfile.dating import Dating, Reading
from runvitals.sources.logfile.row import Row
from runvitals.sources.logfile.timestamps import find_time

NOW = 1_700_000_000.0


def times(items, **reading):
    given = {"now": NOW, "modified": NOW, "since": None, **reading}
    return [when for _, when in Dating().date(items, Reading(**given))]


def test_what_comes_live_has_the_time_of_the_file():
    """Between the last poll and this one, whatever the clock of the file server says."""
    row = Row({"loss": 1.0})
    assert times([row, row], since=NOW - 1.0, modified=NOW - 0.25) == [NOW - 0.25] * 2
    assert times([row], since=NOW - 1.0, modified=NOW - 500.0) == [NOW - 1.0]
    assert times([row], since=NOW - 1.0, modified=NOW + 500.0) == [NOW]


def test_the_past_is_dated_back_by_the_duration_of_the_steps():
    """By a second where a row tells none; more where more rows follow."""
    slow, plain = Row({"step_seconds": 30.0}), Row({"loss": 1.0})
    assert times([plain, slow, plain]) == [NOW - 31.0, NOW - 1.0, NOW]
    assert times([plain], rows_after=100.0) == [NOW - 100.0]


def test_times_in_the_rows_are_used():
    """Unix times as they are, never after now; what counts from the start of the run is none."""
    rows = [Row({}, time=NOW - 50.0), Row({}, time=NOW + 50.0), Row({}, time=12.5)]
    assert times(rows) == [NOW - 50.0, NOW, NOW]


@pytest.mark.parametrize("hours", [-8.0, 0.0, 5.5, 9.0])
def test_the_zone_of_a_log_is_learned_from_when_the_file_was_written(hours):
    """The trainer's container may be in another zone than this machine."""
    rows = [Row({}, time=NOW - back + hours * 3600.0, zoneless=True) for back in (100.0, 2.0)]
    assert times(rows) == [NOW - 100.0, NOW - 2.0]


def test_a_log_that_hangs_is_not_taken_for_one_in_another_zone(monkeypatch):
    """Its last line is older than the file by no whole quarter of an hour: then this machine's zone counts."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert times([Row({}, time=NOW - 4000.0 + 9 * 3600.0, zoneless=True)]) == [NOW - 4000.0]
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("line", "moment", "zoneless"),
    [
        ("[2023-07-25 21:03:17,269] x", "2023-07-25T21:03:17.269+00:00", True),
        ("2023-07-25T21:03:17Z x", "2023-07-25T21:03:17+00:00", False),
        ("2023/07/25 21:03:17.5 +0530 x", "2023-07-25T15:33:17.500+00:00", False),
    ],
)
def test_times_in_lines(line, moment, zoneless):
    """With dots, commas, slashes, and with or without a zone."""
    assert find_time(line) == (datetime.fromisoformat(moment).astimezone(timezone.utc).timestamp(), zoneless)


@pytest.mark.parametrize("line", ["no time", "2023-13-45 99:99:99", "12:30:11", "x" * 500 + "2023-07-25 21:03:17"])
def test_what_is_no_time(line):
    """Impossible dates, times without a day, and what stands far behind in a line."""
    assert find_time(line) == (None, False)
