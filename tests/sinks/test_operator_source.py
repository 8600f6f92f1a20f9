"""An operator's decisions come out of the journal once each, in order, also over a restart."""

import sqlite3

import pytest

from runvitals.sinks import deciding
from runvitals.sinks.operator_source import OperatorSource
from runvitals.sinks.reading import JournalError, reading
from runvitals.values import Action
from tests.sinks.changes import START, closed, finding, opened

PATIENCE = 60.0


@pytest.fixture
def journal(new_journal):
    """A journal with three open incidents and a closed one."""
    journal = new_journal()
    for change in (*map(opened, range(4)), closed(3)):
        journal.offer(change)
    assert journal.flush(PATIENCE)
    return journal


def decided(source):
    return [(one.action, one.finding.id, one.time) for one in source.poll(START).items]


def test_each_decision_is_delivered_once(journal, path):
    """Resolve, false alarm and its undoing, in the order in which they were made."""
    source = OperatorSource(path)
    assert decided(source) == []
    deciding.decide(path, finding(1).id, Action.RESOLVE, "resolved", START + 10)
    deciding.decide(path, finding(2).id, Action.FALSE_ALARM, "false alarm", START + 11)
    deciding.decide(path, finding(2).id, Action.UNDO_FALSE_ALARM, "", START + 12)
    assert decided(source) == [
        (Action.RESOLVE, finding(1).id, START + 10),
        (Action.FALSE_ALARM, finding(2).id, START + 11),
        (Action.UNDO_FALSE_ALARM, finding(2).id, START + 12),
    ]
    assert decided(source) == []


def test_a_restarted_source_goes_on_and_another_journal_is_read_from_its_beginning(journal, path, tmp_path):
    """A position fits one journal alone."""
    deciding.decide(path, finding(1).id, Action.RESOLVE, "resolved", START + 10)
    position = OperatorSource(path).poll(START).position
    after = OperatorSource(path)
    after.restore(position)
    assert decided(after) == []
    deciding.decide(path, finding(2).id, Action.RESOLVE, "resolved", START + 11)
    assert [name for _, name, _ in decided(after)] == [finding(2).id]
    foreign = OperatorSource(path)
    foreign.restore({"journal": "another", "seq": 99})
    assert [name for _, name, _ in decided(foreign)] == [finding(1).id, finding(2).id]


def test_a_position_that_is_none_is_refused(path):
    """Whatever else stands in the state file is no position."""
    with pytest.raises(ValueError, match="Expected"):
        OperatorSource(path).restore("nonsense")


def test_no_journal_yet_means_no_decisions(path):
    """Before the journal is made, and while it is empty, the source is healthy and silent."""
    assert decided(OperatorSource(path)) == []
    path.touch()
    assert decided(OperatorSource(path)) == []


def test_a_decision_that_cannot_be_read_is_counted(journal, path):
    """One that a later version wrote costs itself alone."""
    deciding.decide(path, finding(1).id, Action.RESOLVE, "resolved", START + 10)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE decisions SET action = 'promote'")
    connection.commit()
    connection.close()
    deciding.decide(path, finding(2).id, Action.RESOLVE, "resolved", START + 11)
    poll = OperatorSource(path).poll(START)
    assert [one.finding.id for one in poll.items] == [finding(2).id]
    assert poll.rejected == {"unreadable": 1}


def test_a_decision_closes_in_the_journal_at_once_and_is_told_in_the_history(journal, path):
    """A sidecar that does not run, or has forgotten, need not close it."""
    deciding.decide(path, finding(1).id, Action.RESOLVE, "resolved", START + 10)
    with reading(path) as reader:
        resolved = reader.find(finding(1).id).finding
        assert (resolved.closed_time, resolved.closed_reason) == (START + 10, "resolved")
        assert [entry.kind for entry in reader.history(resolved.id)] == ["opened", "resolve", "closed"]


def test_a_false_alarm_goes_last_when_room_is_made(new_journal, path):
    """It can still be taken back when everything of its time has gone."""
    journal = new_journal(max_incidents=5)
    for number in range(40):
        for change in (opened(number), closed(number)):
            journal.offer(change)
        assert journal.flush(PATIENCE)
        if number == 2:
            deciding.decide(path, finding(2).id, Action.FALSE_ALARM, "false alarm", START)
    with reading(path) as reader:
        assert [one.finding.opened_step for one in reader.incidents()] == [39, 38, 37, 36, 2]


def test_notes_are_bounded(journal, path):
    """A note is kept as it is; an empty one, one too long and one too many are refused."""
    for number in range(deciding.MAX_NOTES):
        deciding.note(path, finding(0).id, f"note {number}", START + number)
    with pytest.raises(JournalError, match="100 notes"):
        deciding.note(path, finding(0).id, "one more", START)
    with pytest.raises(JournalError, match="empty"):
        deciding.note(path, finding(1).id, " \n", START)
    with pytest.raises(JournalError, match="4096"):
        deciding.note(path, finding(1).id, "x" * 5000, START)
