"""`runvitals incidents` on the folder of a sidecar that has stopped: what it prints, and its exit codes."""

import errno
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from runvitals.cli import main
from runvitals.sinks.journal import Journal
from runvitals.sinks.settings import JournalSettings
from runvitals.values import ChangeKind, Evidence, EvidenceRole, IncidentChange
from tests.sinks.changes import START, changed, closed, finding, opened
from tests.sinks.conftest import running

OPEN, CLOSED, OTHER = finding(0xA0).id, finding(0xB0).id, finding(0xA1).id


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A state folder with three incidents, which the environment names."""
    with running(Journal(tmp_path, JournalSettings(), "c0ffee")) as journal:
        for change in (
            opened(0xA0),
            changed(0xA0, "it grew"),
            opened(0xA1, run="evil\x1b[31m"),
            opened(0xB0),
            closed(0xB0),
        ):
            journal.offer(change)
        assert journal.flush(60.0)
    monkeypatch.setenv("RUNVITALS_STATE_DIR", str(tmp_path))
    return tmp_path


def test_list_shows_a_line_each_the_newest_first(folder, capsys):
    """ID, time, state, severity, fault, run, rank and step; what could move the cursor is escaped."""
    assert main(["incidents", "list"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["ID", "OPENED", "STATE", "SEVERITY", "FAULT", "RUN", "RANK", "STEP"]
    assert [line.split()[0] for line in lines] == [CLOSED, OTHER, OPEN]
    assert lines[0].split()[1:] == ["2023-11-14T22:16:16Z", "closed", "warning", "loss_spike", "llama", "0", "176"]
    assert "evil\\x1b[31m" in lines[1]
    assert main(["incidents", "list", "--open", "--run", "llama", "--limit", "5"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == [OPEN]


def test_show_tells_everything(folder, capsys):
    """Evidence, history, the steps around the onset, the config and the first action; the ID may be cut short."""
    assert main(["incidents", "show", CLOSED]) == 0
    shown = capsys.readouterr().out
    for part in ("loss 176 is high", "closed", "recovered", "c0ffee", "Look at the last two batches.", "loss=31"):
        assert part in shown
    assert "<- opened" in shown


def test_show_names_category_cause_and_consequences(folder, capsys):
    """What the category rests on, which incident it follows from, and what followed; the newest category counts."""
    cause = finding(0xC0, category="data", category_confidence=0.8)
    then = Evidence("then: loss_spike from step 7", role=EvidenceRole.CONSEQUENCE)
    cause = msgspec.structs.replace(cause, evidence=[*cause.evidence, then])
    with running(Journal(folder, JournalSettings(), "c0ffee")) as journal:
        journal.offer(opened(0xC0))
        journal.offer(IncidentChange(ChangeKind.CHANGED, cause, START + 1.0, 1, then.sentence))
        journal.offer(opened(0xC1, cause=cause.id, explained=True))
        assert journal.flush(60.0)
    assert main(["incidents", "show", cause.id]) == 0
    shown = capsys.readouterr().out
    assert "category     data, 80% sure by its circumstances" in shown
    assert shown.count("then: loss_spike from step 7") == 2  # as evidence, and in the history
    assert main(["incidents", "show", finding(0xC1).id]) == 0
    assert f"cause        {cause.id}\n" in capsys.readouterr().out
    with sqlite3.connect(folder / "incidents.sqlite") as connection:
        assert connection.execute("SELECT category FROM incidents WHERE id = ?", (cause.id,)).fetchone() == ("data",)
    connection.close()


def test_export_is_json_with_everything_that_is_kept(folder, capsys):
    """All incidents, or those that are named, as a JSON list."""
    assert main(["incidents", "export"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert [entry["id"] for entry in everything] == [CLOSED, OTHER, OPEN]
    assert main(["incidents", "export", OPEN]) == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert (entry["config"], entry["false_alarm"], len(entry["onset"])) == ("c0ffee", False, 32)
    assert [line["sentence"] for line in entry["history"]] == ["loss 160 is high", "it grew"]
    assert entry["onset"][1] == {"time": entry["opened_time"], "step": 160, "signal": "loss", "value": 1.0}


def test_the_beginning_of_an_id_suffices_where_it_is_one_alone(folder, capsys):
    """Unknown, ambiguous and empty IDs are refused with exit code 1 and the remedy."""
    assert main(["incidents", "show", OPEN[:-1] + "0"]) == 0
    for wrong, sentence in (
        ("ff", "begins with 'ff'"),
        ("0", "several incidents"),
        ("", "begins with ''"),
        ("%", "'%'"),
    ):
        assert main(["incidents", "show", wrong]) == 1
        assert sentence in capsys.readouterr().err


def test_note_resolve_and_false_alarm(folder, capsys):
    """Each says what it did; what makes no sense is refused."""
    assert main(["incidents", "note", OPEN, "the new data loader"]) == 0
    assert main(["incidents", "resolve", OPEN]) == 0
    assert main(["incidents", "false-alarm", CLOSED]) == 0
    assert "the bar on loss of this run is raised" in capsys.readouterr().out
    assert main(["incidents", "resolve", OPEN]) == 1
    assert "closed already (resolved by an operator)" in capsys.readouterr().err
    assert main(["incidents", "false-alarm", CLOSED]) == 1
    assert main(["incidents", "false-alarm", OPEN, "--undo"]) == 1
    assert main(["incidents", "list"]) == 0
    assert "false alarm" in capsys.readouterr().out
    assert main(["incidents", "false-alarm", CLOSED, "--undo"]) == 0
    assert main(["incidents", "show", OPEN]) == 0
    assert "the new data loader" in capsys.readouterr().out


def test_a_folder_without_a_journal_is_said(tmp_path, capsys):
    """The sentence names the file and the flag; nothing is made."""
    assert main(["incidents", "list", "--state-dir", str(tmp_path / "nowhere")]) == 1
    assert "--state-dir" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_may_not_be_read_is_said(folder, capsys, monkeypatch):
    """The folder is its owner's alone: whoever else asks gets a sentence with the remedy, no traceback."""

    def refuse(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    for command in (["list"], ["show", OPEN], ["export"], ["note", OPEN, "text"]):
        assert main(["incidents", *command]) == 1
        assert "(Permission denied): run this as the sidecar's user" in capsys.readouterr().err


def test_a_folder_that_no_disk_can_have_is_said(capsys):
    """As every other error."""
    assert main(["incidents", "list", "--state-dir", "x" * 5000]) == 1
    assert "cannot be reached (File name too long)" in capsys.readouterr().err


def test_a_damaged_journal_is_said(folder, capsys):
    """No traceback: one sentence, exit code 1, and the file stays as it is."""
    (folder / "incidents.sqlite").write_bytes(b"rubbish" * 4096)
    assert main(["incidents", "list"]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert main(["incidents", "resolve", OPEN]) == 1
    assert (folder / "incidents.sqlite").read_bytes()[:7] == b"rubbish"


def test_a_wrong_command_line_is_exit_code_2(folder):
    """As everywhere."""
    for wrong in (["incidents"], ["incidents", "forget"], ["incidents", "list", "--limit", "0"]):
        with pytest.raises(SystemExit) as refused:
            main(wrong)
        assert refused.value.code == 2


def test_a_reader_that_leaves_early_is_no_error_of_the_journal(folder):
    """`incidents export | head -c 1` ends quietly."""
    command = f"{sys.executable} -m runvitals incidents export | head -c 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "["
    assert "journal" not in done.stderr
