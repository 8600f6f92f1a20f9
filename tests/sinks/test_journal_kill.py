"""The journal's process is killed in the middle of its work, many times, with SIGKILL."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runvitals.sinks.journal import FILE_NAME
from runvitals.sinks.reading import reading
from tests.sinks.changes import closed, finding, opened

ROOT = Path(__file__).parents[2]
ROUNDS = 40

WRITER = """
import sys
from pathlib import Path
from runvitals.sinks.journal import Journal
from runvitals.sinks.settings import JournalSettings
from tests.sinks.changes import closed, opened
journal = Journal(Path(sys.argv[1]), JournalSettings(max_incidents=int(sys.argv[3])), "c0ffee")
journal.start()
number = int(sys.argv[2])
while True:
    for change in (opened(number), closed(number)) if number % 2 else (opened(number),):
        journal.offer(change)
    if number % 3 == 0:
        assert journal.flush(60.0)
        print(number, flush=True)
    number += 1
"""


def acknowledged_until_killed(folder, first, seconds, max_incidents):
    """Run a writer for so long, kill it, and return the last number that it said was on disk."""
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(max_incidents)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
    finally:
        process.kill()
        output, _ = process.communicate()
    # A last line without its end was being written: what it says is true all the same, but it may be cut.
    said = [int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return max(said, default=first)


@pytest.mark.slow
@pytest.mark.parametrize("max_incidents", [1_000_000, 50])
def test_nothing_acknowledged_is_lost(tmp_path, max_incidents):
    """However the writer is killed, each change it called written is there, whole, and the file is sound."""
    chance = random.Random(20240229)
    first, kept = 1, 0
    for _ in range(ROUNDS):
        begin = first
        last = acknowledged_until_killed(tmp_path, begin, chance.uniform(0.0, 0.3), max_incidents)
        with reading(tmp_path / FILE_NAME) as reader:
            found = {one.finding.id: one.finding for one in reader.incidents()}
            newest = max(one.opened_step for one in found.values())
            for number in range(begin, last + 1):
                expected = (closed(number) if number % 2 else opened(number)).finding
                # Closed ones may have made room; what is there is whole.
                assert found.get(expected.id, expected) == expected
                if max_incidents > 50 or number % 2 == 0:
                    assert expected.id in found
            assert len(reader.onset(finding(newest).id)) == 32
        connection = sqlite3.connect(tmp_path / FILE_NAME)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        first, kept = newest + 1, len(found)
    print(f"{ROUNDS} writers killed, {first - 1} incidents begun, {kept} kept")
    assert first > ROUNDS
