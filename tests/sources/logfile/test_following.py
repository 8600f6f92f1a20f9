"""A file is followed through everything that happens to logs, and nothing is told twice or lost."""

import json
import os
import random
import tracemalloc

import pytest

from runvitals.sources.logfile import follower
from runvitals.sources.logfile.follower import TAIL
from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.logfile.source import LogfileSource
from runvitals.values import Event, Sample
from tests.sources.logfile.following import START, Watch, event, kinds, llmc, losses, steps, write


def test_a_growing_file_is_told_line_by_line(tmp_path):
    """What is there is told once, what is added at the next poll, a half line when it is whole."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 3), START)
    watch = Watch(log)
    assert losses(watch.poll()) == [(0, 5.0), (1, 4.999), (2, 4.998)]
    assert watch.poll() == []
    write(log, "s:3 trl:4.9", watch.now, "a")
    assert watch.poll() == []
    write(log, "97 lr:0.001 norm:1.25\n", watch.now, "a")
    assert losses(watch.poll()) == [(3, 4.997)]


def test_files_appear_later_and_before_anything_is_in_them(tmp_path):
    """A glob that matches nothing is no error; a new file is read from its beginning, as what happens now."""
    watch = Watch(tmp_path / "*.log")
    assert (watch.poll(), watch.last.error) == ([], "")
    write(tmp_path / "b.log", "", watch.now)
    assert watch.poll() == []
    write(tmp_path / "b.log", "hello\nCUDA out of memory\n" + llmc(0, 2), watch.now)
    items = watch.poll()
    assert steps(items) == [0, 1]
    [event] = [one for one in items if isinstance(one, Event)]
    assert (event.run, event.seen_live, event.time) == ("b", True, watch.now - 1.0)


def test_rotation_by_rename_loses_no_line(tmp_path):
    """What was written to the old file before the new one was there is told first; the old name is not read again."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 100), START)
    watch = Watch(tmp_path / "a.log*")
    watch.poll()
    write(log, llmc(100, 103), watch.now, "a")
    log.rename(tmp_path / "a.log.1")
    write(log, llmc(103, 105), watch.now)
    assert steps(watch.drain()) == [100, 101, 102, 103, 104]


def test_a_rotation_whose_new_file_comes_late_is_told_once(tmp_path):
    """A search between the renaming and the first line of the new file finds the old name alone: it is no new log."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 100), START)
    watch = Watch(tmp_path / "a.log*")
    watch.poll()
    write(log, llmc(100, 103), watch.now, "a")
    log.rename(tmp_path / "a.log.1")
    told = watch.drain()
    write(log, llmc(103, 105), watch.now)
    assert steps(told + watch.drain()) == [100, 101, 102, 103, 104]


@pytest.mark.parametrize("after", [3, 300])
def test_truncation_begins_anew(tmp_path, after):
    """copytruncate: the file is emptied and grows again, to less or to more than it was."""
    log = tmp_path / "a.log"
    write(log, "first run\n" + llmc(0, 50), START)
    watch = Watch(log)
    watch.poll()
    write(log, "second run\n" + llmc(50, 50 + after), watch.now)
    assert steps(watch.drain()) == list(range(50, 50 + after))


def test_a_file_that_is_replaced_is_read_from_its_start(tmp_path):
    """Written beside it and renamed over it, as by rsync."""
    log, new = tmp_path / "a.log", tmp_path / "new"
    write(log, llmc(0, 5), START)
    watch = Watch(log)
    watch.poll()
    write(new, llmc(5, 9), watch.now)
    new.replace(log)
    assert steps(watch.drain()) == [5, 6, 7, 8]


def test_the_position_survives_a_restart(tmp_path):
    """Another process goes on where the first was, in the middle of a line, and in a file rotated meanwhile."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 5) + "s:5 trl:4.", START)
    watch = Watch(log)
    assert steps(watch.poll()) == [0, 1, 2, 3, 4]
    write(log, "995 lr:0.001 norm:1.25\n" + llmc(6, 8), watch.now, "a")
    again = watch.restarted()
    items = again.poll()
    assert losses(items) == [(5, 4.995), (6, 4.994), (7, 4.993)]
    assert {item.time for item in items} == {watch.now}  # when the file was written, not when it was read
    log.unlink()
    write(log, llmc(100, 102), watch.now)
    assert steps(again.restarted().drain()) == [100, 101]


def test_a_rotation_while_nobody_read_loses_no_line(tmp_path):
    """What the old file holds beyond the saved position is told before the new file."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 5), START)
    watch = Watch(log)
    watch.poll()
    write(log, llmc(5, 8), watch.now, "a")
    log.rename(tmp_path / "a.log.1")
    write(log, llmc(8, 10), watch.now)
    again = watch.restarted()
    assert steps(again.drain()) == [5, 6, 7, 8, 9]
    assert again.restarted().drain() == []


def test_a_vanished_mount_that_comes_back_is_known_again(tmp_path):
    """The folder is gone for a while, which is said; then only what is new is told."""
    folder = tmp_path / "mount"
    folder.mkdir()
    log = folder / "a.log"
    write(log, llmc(0, 20), START)
    watch = Watch(folder / "*.log")
    watch.poll()
    folder.rename(tmp_path / "away")
    assert watch.poll() == []
    assert "mount: there is no such folder" in watch.last.error
    (tmp_path / "away").rename(folder)
    write(log, llmc(20, 22), watch.now, "a")
    assert steps(watch.restarted().poll()) == [20, 21]
    assert steps(watch.poll()) == [20, 21]
    assert watch.last.error == ""


def test_lightning_rewrites_its_table_when_a_column_appears(tmp_path):
    """The rows that were known are passed over, those that are new are told with the new column."""
    table = tmp_path / "metrics.csv"
    write(table, "epoch,step,train_loss\n0,49,0.9\n0,99,0.5\n", START)
    watch = Watch(table, run="r")
    assert losses(watch.poll()) == [(49, 0.9), (99, 0.5)]
    write(table, "epoch,step,train_loss,val_loss\n0,49,0.9,\n0,99,0.5,\n0,99,,0.7\n1,149,0.4,\n", watch.now)
    told = [(one.step, one.signal, one.value) for one in watch.drain() if one.signal != "epoch"]
    assert told == [(99, "eval_loss", 0.7), (149, "loss", 0.4)]


def test_another_run_that_writes_over_a_table_is_news(tmp_path):
    """Its first row differs: told at once. It is the same, but a later one is not: told after ten seconds."""
    table = tmp_path / "metrics.csv"
    write(table, "step,loss\n0,1.0\n1,0.9\n2,0.8\n", START)
    watch = Watch(table, run="r")
    watch.poll()
    write(table, "step,loss\n0,1.5\n", watch.now)
    assert losses(watch.drain()) == [(0, 1.5)]
    write(table, "step,loss,accuracy\n0,1.5,0.1\n", watch.now)
    assert losses(watch.drain()) == [(0, 1.5)]
    write(table, "step,accuracy,loss\n0,0.1,1.5\n1,0.2,1.4\n", watch.now)
    assert losses(watch.poll() + watch.poll(11.0) + watch.drain()) == [(1, 1.4)]
    write(table, "accuracy,step,loss\n0.1,0,1.5\n", watch.now)  # seeded alike: its first row is the same
    assert losses(watch.poll()) == []
    assert losses(watch.poll(11.0) + watch.drain()) == [(0, 1.5)]


def test_a_long_table_that_is_rewritten_is_not_told_again(tmp_path, monkeypatch):
    """Of which only the tail was read at the first look."""
    monkeypatch.setattr(follower, "TAIL", 100)
    table = tmp_path / "metrics.csv"
    rows = [f"{step},{5.0 - step / 1000}" for step in range(100)]
    write(table, "\n".join(["step,loss", *rows]) + "\n", START)
    watch = Watch(table, run="r")
    assert steps(watch.drain())[-1] == 99
    write(table, "\n".join(["step,loss,val_loss", *(f"{row}," for row in rows), "100,4.9,5.0"]) + "\n", watch.now)
    assert steps(watch.drain()) == [100]


WRITTEN = {
    "a.log": llmc(0, 40).encode() + "naïve ✓\r 8%|█ |\r".encode() + llmc(40, 60).encode(),
    "a.csv": ("step,loss\r\n" + "".join(f"{step},{step / 8}\r\n" for step in range(60))).encode(),
    "a.jsonl": "".join(json.dumps({"step": step, "loss": step / 8}) + "\n" for step in range(60)).encode(),
    "events.out.tfevents.1.h": b"".join(event("loss", step, step / 8) for step in range(60)),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_growth_in_pieces_of_any_size_with_restarts_tells_everything_once(tmp_path, name):
    """However a file grows and however often the sidecar starts anew, the samples are those of the whole file."""
    generator = random.Random(name)
    for attempt in range(10):
        path, data, at = tmp_path / f"{attempt}" / name, WRITTEN[name], 0
        path.parent.mkdir()
        watch, told = Watch(path, run="r"), []
        watch.poll()
        while at < len(data):
            size = generator.choice([1, 7, 40, 300])
            with path.open("ab") as file:
                file.write(data[at : at + size])
            os.utime(path, (watch.now, watch.now))
            at += size
            told += watch.poll()
            if generator.random() < 0.2:
                watch = watch.restarted()
        assert steps(told + watch.drain()) == list(range(60))
        watch.source.close()


def test_the_first_look_at_a_long_file_warms_the_baselines_without_alerting(tmp_path):
    """Its last mebibyte is told, from a whole line on, dated back from when the file was written last."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 60_000), START)
    assert log.stat().st_size > 2 * TAIL
    watch = Watch(log)
    items = watch.drain()
    told = steps(items)
    assert told == list(range(told[0], 60_000))
    assert 0.9 < sum(len(line) for line in llmc(told[0], 60_000)) / TAIL <= 1.0
    times = [one.time for one in items if one.signal == "loss"]
    assert times == sorted(times)
    assert times[-1] == START
    assert times[0] == pytest.approx(START - (len(told) - 1))


@pytest.mark.parametrize(("start", "told"), [("beginning", list(range(30_000))), ("end", [])])
def test_where_the_first_look_begins_can_be_chosen(tmp_path, start, told):
    """From the beginning everything is told, from the end only what is new."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 30_000), START)
    watch = Watch(log, start=start)
    assert steps(watch.drain()) == told
    write(log, llmc(30_000, 30_001), watch.now, "a")
    assert steps(watch.drain()) == [30_000]


def test_a_file_that_nobody_writes_any_more_is_left_alone(tmp_path):
    """A dead run's log does not become a run of now; when it grows, its tail is read first."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 5) + "CUDA out of memory\n", START - 3600.0)
    watch = Watch(log)
    assert watch.drain() == []
    watch = watch.restarted()
    assert watch.drain() == []
    write(log, llmc(5, 6), watch.now, "a")
    items = watch.drain()
    assert (steps(items), kinds(items)) == ([0, 1, 2, 3, 4, 5], [])


def test_evidence_from_before_the_first_look_is_no_news(tmp_path):
    """What had happened before anyone looked would be taken for something of now; what comes then is."""
    log = tmp_path / "a.log"
    write(log, "CUDA out of memory\n", START)
    watch = Watch(log)
    assert watch.poll() == []
    write(log, "Killed\n", watch.now, "a")
    [event] = watch.poll()
    assert (event.kind.value, event.seen_live, event.time) == ("killed", True, watch.now - 1.0)


def test_a_line_of_a_hundred_megabytes_is_passed_over_in_bounded_memory(tmp_path):
    """It is counted once, also over a restart in its middle, and the lines around it are told."""
    log = tmp_path / "a.log"
    with log.open("w") as file:
        file.write(llmc(0, 2))
        for _ in range(100):
            file.write("x" * 1_000_000)
        file.write("\n" + llmc(2, 4))
    os.utime(log, (START, START))
    watch = Watch(log, start="beginning")
    assert steps(watch.poll()) == [0, 1]
    watch.poll()
    assert watch.rejected == {"line_too_long": 1}
    watch = watch.restarted()
    tracemalloc.start()
    try:
        items = [item for _ in range(110) for item in watch.poll()]
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert steps(items) == [2, 3]
    assert watch.rejected == {}


def test_what_is_not_utf8_is_replaced_and_counted(tmp_path):
    """The numbers of a line in Latin-1 are read all the same."""
    log = tmp_path / "a.log"
    log.write_bytes(b"G\xfcte: step: 1 loss: 2.5\n")
    os.utime(log, (START, START))
    watch = Watch(log)
    assert losses(watch.poll()) == [(1, 2.5)]
    assert watch.rejected == {"not_utf8": 1}


def test_files_that_cannot_be_read_are_named_and_do_not_hide_the_others(tmp_path):
    """A pipe, a loop of links, a binary file, a store that is none: each counted and retried ever more rarely."""
    write(tmp_path / "good.log", llmc(0, 2), START)
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "loop.log").symlink_to(tmp_path / "loop.log")
    (tmp_path / "binary.log").write_bytes(b"\x00\x01\x02\xff" * 100)
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 100)
    for name in ("pipe.log", "binary.log", "mlflow.db"):
        os.utime(tmp_path / name, (START, START))
    watch = Watch(tmp_path / "*")
    assert steps(watch.poll()) == [0, 1]
    assert "(and 3 more)" in watch.last.error
    assert watch.last.rejected == {"symlink_loop": 1, "not_a_file": 1, "not_recognised": 1, "damaged_file": 1}
    for _ in range(20):
        watch.poll()
    assert watch.rejected["not_a_file"] == 5  # after 1, 3, 7, 15 s


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied_is_named(tmp_path):
    """A file and a folder that may not be read."""
    write(tmp_path / "a.log", "x\n", START)
    (tmp_path / "a.log").chmod(0)
    watch = Watch(tmp_path / "*.log")
    assert watch.poll() == []
    assert "a.log: Permission denied" in watch.last.error


def test_permission_errors_of_any_kind_are_counted(tmp_path, monkeypatch):
    """What the system refuses is counted under its reason, and the file is read once it may be."""
    log = tmp_path / "a.log"
    write(log, llmc(0, 1), START)
    opened = os.open

    def refuse(path, *arguments, **keywords):
        if str(path) == str(log):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr(os, "open", refuse)
    watch = Watch(log)
    assert watch.poll() == []
    assert watch.last.rejected == {"permission_denied": 1}
    assert watch.last.error == f"{log}: Permission denied"
    monkeypatch.undo()
    assert steps(watch.poll(2.0)) == [0]
    assert watch.last.error == ""


def test_the_number_of_files_is_bounded_to_the_newest(tmp_path):
    """Those written last are followed, the others are counted."""
    for index in range(5):
        write(tmp_path / f"run{index}.log", llmc(index, index + 1), START + index)
    watch = Watch(tmp_path / "*.log", max_files=2, at=START + 10.0)
    assert sorted(steps(watch.poll())) == [3, 4]
    assert watch.last.rejected == {"too_many_files": 3}


def test_stars_over_folders_follow_no_links(tmp_path):
    """`**` finds files at any depth, and a link back to the top does not lead around in a circle."""
    deep = tmp_path / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "back").symlink_to(tmp_path)
    write(deep / "a.log", llmc(0, 1), START)
    write(tmp_path / "top.log", llmc(1, 2), START)
    (tmp_path / "latest.log").symlink_to(tmp_path / "top.log")
    watch = Watch(tmp_path / "**" / "*.log")
    assert sorted((one.run, one.step) for one in watch.poll() if one.signal == "loss") == [("a", 0), ("top", 1)]


def test_a_source_with_a_bound_on_bytes_reads_everything_in_turn(tmp_path):
    """More files than fit in one poll are all read, none starves."""
    for index in range(3):
        write(tmp_path / f"run{index}.log", llmc(0, 40_000), START)
    watch = Watch(tmp_path / "*.log", start="beginning", max_bytes_per_poll=1 << 20)
    sizes = [len(losses(watch.poll())) for _ in range(12)]
    assert sum(sizes) == 3 * 40_000
    assert max(sizes) < 60_000


def test_a_trainer_state_is_told_once_over_its_checkpoints(tmp_path):
    """Each checkpoint holds the whole history again; only what is new is told, and a new run in the folder is."""

    def save(step, history, at):
        folder = tmp_path / "llama" / f"checkpoint-{step}"
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "trainer_state.json", json.dumps({"log_history": history}, indent=2), at)

    history = [{"step": step, "loss": 3.0 - step / 100, "epoch": 0.1} for step in range(10, 60, 10)]
    watch = Watch(tmp_path / "llama" / "checkpoint-*" / "trainer_state.json")
    (tmp_path / "llama").mkdir()
    watch.poll()
    save(30, history[:3], watch.now)
    items = watch.drain()
    assert (steps(items), {one.run for one in items}) == ([10, 20, 30], {"llama"})
    save(50, history, watch.now)
    assert steps(watch.drain()) == [40, 50]
    assert steps(watch.restarted().drain()) == []
    save(10, history[:1], watch.now + 5.0)
    assert steps(watch.poll(7.0)) == [10]


def test_a_half_written_document_waits(tmp_path):
    """It is no error until it has been so for ten seconds."""
    file = tmp_path / "trainer_state.json"
    write(file, '{\n  "log_history": [\n', START)
    watch = Watch(file)
    assert (watch.poll(), watch.last.error) == ([], "")
    watch.poll(15.0)
    assert "it is not whole JSON" in watch.last.error
    write(file, '{\n  "log_history": [{"step": 1, "loss": 2.0}]}\n', watch.now)
    assert losses(watch.poll(5.0)) == [(1, 2.0)]


def test_what_is_no_position_is_refused():
    """A state file of something else does not take the source down."""
    with pytest.raises(ValueError, match="no position of the logfile source"):
        LogfileSource(LogfileSettings(path="/x")).restore({"files": 3})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"path": ""}, "path is empty"),
        ({"path": "a", "interval": 0.0}, "interval is 0.0; it must be between"),
        ({"path": "a", "run": ""}, "must not be empty"),
        ({"path": "a", "patterns": ("loss [",)}, "is no regular expression"),
        ({"path": "a", "patterns": (r"step (?P<step>\d+)",)}, "names no signal"),
        ({"path": "a", "path_pattern": "(x)"}, "path_pattern names nothing"),
    ],
)
def test_wrong_settings_are_refused_with_the_remedy(settings, sentence):
    """Each says what to write instead."""
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        LogfileSettings(**settings)


def test_ranks_and_runs_come_from_path_line_and_settings(tmp_path):
    """A file names its rank, a line may name another, the config has the last word on the rest."""
    folder = tmp_path / "llama" / "logs"
    folder.mkdir(parents=True)
    write(folder / "rank3.log", "step: 1 loss: 2.5\n[rank5]: step: 2 loss: 2.4\n", START)
    items = Watch(tmp_path / "*" / "logs" / "*.log").poll()
    assert [(one.run, one.rank, one.step) for one in items if isinstance(one, Sample)] == [
        ("llama", "3", 1),
        ("llama", "5", 2),
    ]
    items = Watch(tmp_path / "*" / "logs" / "*.log", run="r", rank="9").poll()
    assert {(one.run, one.rank) for one in items} == {("r", "9"), ("r", "5")}
    pattern = r"(?P<run>[^/]+)/logs/rank(?P<rank>\d)"
    assert {(one.run, one.rank) for one in Watch(folder / "*", path_pattern=pattern).poll()} == {
        ("llama", "3"),
        ("llama", "5"),
    }


def test_kinds_of_events_survive_the_way(tmp_path):
    """A traceback that a poll cuts in two is one event."""
    log = tmp_path / "a.log"
    write(log, "Traceback (most recent call last):\n  File 'x', line 1\n", START)
    watch = Watch(log)
    assert watch.poll() == []
    watch = watch.restarted()
    write(log, "ValueError: secret\n", watch.now, "a")
    [event] = watch.poll()
    assert (kinds([event]), event.text) == (["traceback"], "a traceback that ends in ValueError")
