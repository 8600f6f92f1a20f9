"""The journal keeps what happened to findings, whatever happens to its file."""

import resource
import sqlite3
import threading
import time

import pytest

from runvitals.diagnosis.rank_diagnosis import RESOLVED
from runvitals.sinks import deciding, journal_file
from runvitals.sinks.reading import Filter, JournalError, reading
from runvitals.sinks.writing import FORGOTTEN
from runvitals.values import Action, Evidence
from tests.servers import wait_until
from tests.sinks.changes import START, changed, closed, finding, opened

PATIENCE = 60.0


def incidents(path, wanted=Filter()):  # noqa: B008  # immutable
    with reading(path) as reader:
        return reader.incidents(wanted)


def history(path, number=0):
    with reading(path) as reader:
        return [(entry.kind, entry.sentence) for entry in reader.history(finding(number).id)]


def onset(path, number=0):
    with reading(path) as reader:
        return reader.onset(finding(number).id)


def write(journal, *changes):
    for change in changes:
        journal.offer(change)
    assert journal.flush(PATIENCE)


def test_the_life_of_a_finding_is_kept_with_its_onset_and_config(new_journal, path):
    """Opening, change and closing are lines of its history; the newest state and the first samples are kept."""
    write(new_journal(), opened(), changed(0, "it grew"), closed())
    [incident] = incidents(path)
    assert incident.finding == closed().finding
    assert incident.config == "c0ffee"
    assert history(path) == [("opened", "loss 0 is high"), ("changed", "it grew"), ("closed", "recovered")]
    assert [sample.value for sample in onset(path)] == [1.0 * step for step in range(32)]


def test_a_change_that_comes_again_is_written_once(new_journal, path):
    """After a restart the same changes come again, and nothing stands twice."""
    changes = opened(), changed(0, "it grew"), closed()
    write(new_journal(), *changes, *changes)
    assert len(incidents(path)) == 1
    assert len(history(path)) == 3


def test_a_closing_that_an_operator_told_first_stands_there_once(new_journal, path):
    """The command does not know the step; the sidecar, which takes the decision up, does."""
    journal = new_journal()
    write(journal, opened(0))
    change = closed(0, RESOLVED)
    deciding.decide(path, finding(0).id, Action.RESOLVE, RESOLVED, change.time)
    write(journal, change, change)
    assert history(path).count(("closed", RESOLVED)) == 1
    with reading(path) as reader:
        assert reader.history(finding(0).id)[-1].step == 1


def test_odd_numbers_and_names_are_kept(new_journal, path):
    """NaN, infinities, huge steps, quotes, NUL and lone surrogates neither break the journal nor get lost."""
    name = "a'b\"\n\0\ud800 \u2028"
    evidence = [Evidence(name, "loss", value=float("inf"), expected_low=float("nan"), step=2**70)]
    write(new_journal(), opened(run=name, opened_step=2**70, evidence=evidence, score=float("inf")))
    [incident] = incidents(path)
    assert (incident.finding.run, incident.finding.opened_step) == (name, 2**70)
    assert incident.finding.evidence[0].value == float("inf")


def test_what_cannot_be_written_down_is_counted_and_costs_itself_alone(new_journal, path):
    """A broken finding does not hold up the next."""
    journal = new_journal()
    write(journal, opened(1, evidence=[Evidence(object())]), opened(2))
    assert [one.finding.id for one in incidents(path)] == [finding(2).id]
    assert journal.view().dropped == {"unfit": 1}
    assert journal.view().written == 1


def test_rows_are_bounded_and_the_oldest_closed_go_first(new_journal, path):
    """Of thirty closed incidents and an old open one, the open one and the newest stay; the rest is counted."""
    journal = new_journal(max_incidents=10)
    write(journal, opened(0), *(change for number in range(1, 31) for change in (opened(number), closed(number))))
    assert [one.finding.opened_step for one in incidents(path)] == [*range(30, 21, -1), 0]
    assert journal.view().pruned == 21
    assert journal.view().incidents == 10


def test_bytes_are_bounded(new_journal, path):
    """Far more than fits is offered; the file stays below the limit, and the newest incidents are there."""
    limit = 2**18
    journal = new_journal(max_bytes=limit)
    for number in range(600):
        journal.offer(opened(number))
        write(journal, closed(number))
    assert journal.view().pruned > 100
    journal.stop(PATIENCE)
    assert path.stat().st_size <= limit
    assert incidents(path)[0].finding.opened_step == 599
    with_pages = sqlite3.connect(path)
    assert with_pages.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with_pages.close()


def test_another_reads_while_it_is_written(new_journal, path):
    """A reader sees one moment throughout, and neither waits for the other."""
    journal = new_journal()
    write(journal, opened(0))
    stop = threading.Event()

    def keep_writing():
        number = 1
        while not stop.is_set():
            write(journal, opened(number), closed(number))
            number += 1

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(50):
            with reading(path) as reader:
                first, again = reader.incidents(), reader.incidents()
            assert [one.finding.id for one in first] == [one.finding.id for one in again]
    finally:
        stop.set()
        writer.join()


def test_a_full_queue_never_waits_and_what_was_missed_is_asked_for(new_journal, path):
    """While another holds the file, offering returns at once; drops are counted, and all is wanted afterwards."""
    journal = new_journal(max_pending=4)
    write(journal, opened(0))
    assert journal.wants_all()  # at the start: the state file may know more
    assert not journal.wants_all()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for number in range(1, 12):
        journal.offer(opened(number))
    assert journal.view().dropped == {"queue_full": 7}
    assert not journal.wants_all()  # there is no room yet
    blocker.execute("ROLLBACK")
    blocker.close()
    assert journal.flush(PATIENCE)
    assert journal.wants_all()
    journal.offer_all([opened(number) for number in range(12)])
    assert journal.flush(PATIENCE)
    assert len(incidents(path)) == 12


def test_a_full_disk_is_said_counted_and_overcome(new_journal, path, caplog):
    """While no file may grow nothing is acknowledged; when it may again, everything is written."""
    journal = new_journal()
    write(journal, opened(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, hard))
    try:
        for number in range(1, 6):
            journal.offer(opened(number))
        failed = wait_until(lambda: journal.view() if journal.view().failures else None, "a failed write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failed.error
    assert failed.pending == 5
    assert len(journal.pending()) == 5
    assert "cannot be written, it is tried again" in caplog.text
    assert journal.flush(PATIENCE)
    assert len(incidents(path)) == 6
    wait_until(lambda: not journal.view().error, "the all-clear")


@pytest.mark.parametrize("damage", [b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 8192])
def test_a_damaged_file_is_set_aside_with_a_sentence(new_journal, path, caplog, damage):
    """Damage is no crash: the file is kept, a new journal begins, and everything known is asked for."""
    path.write_bytes(damage)
    journal = new_journal()
    write(journal, opened(0))
    assert len(incidents(path)) == 1
    assert path.with_suffix(".unusable").read_bytes()[:100] == damage[:100]
    assert "the old one is kept as" in caplog.text
    assert journal.wants_all()


def test_a_file_that_is_damaged_in_the_middle_is_set_aside(new_journal, path, caplog):
    """Pages that turn to rubbish under a stopped journal are found when they are met."""
    journal = new_journal()
    write(journal, *map(opened, range(200)))
    journal.stop(PATIENCE)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    path.write_bytes(data)
    again = new_journal()
    write(again, opened(7))
    assert [one.finding.id for one in incidents(path)] == [finding(7).id]
    assert "is damaged" in caplog.text


@pytest.mark.parametrize("statement", ["CREATE TABLE other (a)", ""], ids=["foreign", "bare"])
def test_a_foreign_database_of_the_same_version_is_set_aside(new_journal, path, caplog, statement):
    """The number alone makes no journal: without the tables nothing could ever be written."""
    foreign = sqlite3.connect(path)
    foreign.executescript(f"PRAGMA user_version = {journal_file.VERSION}; {statement}")
    foreign.close()
    with pytest.raises(JournalError, match="lacks tables"), reading(path):
        pass
    write(new_journal(), opened(0))
    assert len(incidents(path)) == 1
    assert "lacks tables" in caplog.text
    assert path.with_suffix(".unusable").exists()


def test_a_newer_schema_is_not_touched(new_journal, path, caplog):
    """What a later runvitals wrote is kept aside as it is, and readers are told its version."""
    write(new_journal(), opened(0))
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(JournalError, match="version 99"), reading(path):
        pass
    write(new_journal(), opened(1))
    aside = sqlite3.connect(path.with_suffix(".unusable"))
    assert aside.execute("SELECT id FROM incidents").fetchall() == [(finding(0).id,)]
    aside.close()
    assert "version 99" in caplog.text


def test_a_journal_that_is_removed_is_begun_again(new_journal, path, caplog):
    """Whoever deletes the file loses the past, not what comes."""
    journal = new_journal()
    write(journal, opened(0))
    assert journal.wants_all()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    write(journal, opened(1))
    assert len(incidents(path)) == 1
    assert journal.wants_all()
    assert "was removed or replaced" in caplog.text


def test_a_folder_that_cannot_be_written_is_said_and_harms_nothing(tmp_path, new_journal, path, caplog):
    """Where a folder stands in the file's place, changes wait."""
    path.mkdir()
    journal = new_journal()
    journal.offer(opened(0))
    wait_until(lambda: journal.view().failures, "a failed attempt")
    path.rmdir()
    assert journal.flush(PATIENCE)


def test_what_nobody_knows_any_more_is_closed(new_journal, path):
    """An incident that is open in the journal, but unknown after a restart, does not stay open for ever."""
    journal = new_journal()
    write(journal, opened(0), opened(1))
    journal.settle({finding(1).id}, START + 99)
    assert journal.flush(PATIENCE)
    states = {one.finding.id: one.finding.closed_reason for one in incidents(path)}
    assert states == {finding(0).id: FORGOTTEN, finding(1).id: ""}
    write(journal, changed(0, "it is back"))
    assert incidents(path, Filter(open_only=True))[-1].finding.is_open


def test_the_file_is_its_owners_alone(new_journal, path):
    """Names of runs and evidence are nobody else's business."""
    write(new_journal(), opened(0))
    for suffix in ("", "-wal", "-shm"):
        assert path.with_name(path.name + suffix).stat().st_mode & 0o777 == 0o600


def test_a_stop_does_not_wait_for_ever(new_journal, path):
    """While another holds the file, stopping ends all the same; what waits is still told as pending."""
    journal = new_journal()
    write(journal, opened(0))
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    journal.offer(opened(1))
    begun = time.monotonic()
    journal.stop(0.1)
    assert time.monotonic() - begun < 30.0
    assert len(journal.pending()) == 1
    blocker.close()


def test_filters_choose(new_journal, path):
    """By run, by fault, open ones alone, and so many."""
    write(new_journal(), opened(0), opened(1, run="other"), closed(1, run="other"), opened(2, fault="hang"))
    assert [one.finding.opened_step for one in incidents(path, Filter(run="other"))] == [1]
    assert [one.finding.opened_step for one in incidents(path, Filter(fault="hang"))] == [2]
    assert [one.finding.opened_step for one in incidents(path, Filter(open_only=True))] == [2, 0]
    assert [one.finding.opened_step for one in incidents(path, Filter(limit=1))] == [2]


def test_a_reader_changes_nothing(new_journal, path):
    """Whoever reads cannot write, whatever is asked."""
    write(new_journal(), opened(0))
    connection = journal_file.open_for_reading(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM incidents")
    connection.close()
