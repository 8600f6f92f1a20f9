"""The ring source follows real processes that write rings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import runvitals
from runvitals.client.opened_ring import OpenedRing
from runvitals.client.ring_format import NotARingError
from runvitals.sources.ring import RING_MAGIC, RingSettings, RingSource, read_ring
from runvitals.sources.ring import source as ring_source
from runvitals.values import Event, EventKind, Poll, Sample
from tests.sources.ring.ring_writers import writing

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another namespace or user")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder for rings."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def source(runs: Path) -> Iterator[RingSource]:
    """A source that has already looked once."""
    source = started_source(runs)
    yield source
    source.close()


def started_source(folder: Path, **settings: float) -> RingSource:
    source = RingSource(RingSettings(folders=(str(folder),), **settings))  # type: ignore[arg-type]
    source.poll(time.time())
    return source


def kinds(poll: Poll) -> list[str]:
    return [item.kind.value if isinstance(item, Event) else f"{item.signal}={item.value:g}" for item in poll.items]


def events(poll: Poll) -> list[Event]:
    return [item for item in poll.items if isinstance(item, Event)]


def test_a_run_from_its_start_to_its_end(runs: Path, source: RingSource) -> None:
    """A new run appears by itself; its samples come once, under canonical names, and then its end."""
    with writing(runs, "a run", rank=3) as writer:
        writer.do("run.log(step=1, train_loss=0.5)")
        first = source.poll(time.time())
        writer.do("run.log(step=2, lr=0.25); run.mark('checkpoint', 'saved')")
        second = source.poll(time.time())
        nothing = source.poll(time.time())
        writer.finish()
        last = source.poll(time.time())
    assert kinds(first) == ["run_started", "loss=0.5"]
    assert kinds(second) == ["learning_rate=0.25", "checkpoint"]
    assert (kinds(nothing), kinds(last)) == ([], ["run_finished"])
    assert kinds(source.poll(time.time())) == []
    started = events(first)[0]
    assert (started.run, started.rank, started.fields["pid"]) == ("a run", "3", str(writer.process.pid))
    assert started.fields["ring"] == next(runs.glob("*.ring")).name
    sample = first.items[1]
    assert isinstance(sample, Sample)
    assert sample[:4] == ("a run", "3", "loss", "")
    assert (sample.step, sample.value) == (1, 0.5)
    assert abs(sample.time - time.time()) < 3600


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("run.close()", EventKind.RUN_FINISHED, ""),
        ("run.__exit__(ValueError, ValueError('secret'), None)", EventKind.RUN_RAISED, "ValueError"),
        ("None", EventKind.RUN_CRASHED, ""),
    ],
)
def test_endings_are_told_apart(runs: Path, source: RingSource, line: str, kind: EventKind, text: str) -> None:
    """Finished and raised are read from the close record, crashed from the free lock; all at the last step."""
    with writing(runs) as writer:
        writer.do("run.log(step=41, loss=1.0)")
        source.poll(time.time())
        writer.do(f"run.log(step=42, loss=1.0); {line}")
        writer.kill()
        poll = source.poll(time.time())
    ending = events(poll)[-1]
    assert (ending.kind, ending.text, ending.step, ending.seen_live) == (kind, text, 42, True)
    assert poll.items[-1] is ending
    assert kinds(source.poll(time.time())) == []


def test_a_run_that_begins_and_ends_between_two_polls(runs: Path, source: RingSource) -> None:
    """A short run is seen whole, and its crash too, even though it was never seen alive."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        writer.kill()
    assert kinds(source.poll(time.time())) == ["run_started", "loss=1", "run_crashed"]


def test_what_had_ended_before_never_alerts(runs: Path) -> None:
    """A ring that had ended before the source first looked is left to replay, now and after a restart."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        writer.kill()
    time.sleep(0.01)
    source = started_source(runs)
    poll = source.poll(time.time())
    source.close()
    assert kinds(poll) == []
    again = RingSource(RingSettings(folders=(str(runs),)))
    again.restore(poll.position)
    assert kinds(again.poll(time.time())) == []
    again.close()


def test_a_run_that_was_there_before_is_followed(runs: Path) -> None:
    """A run that lives when the source first looks is read from the oldest record still in its ring."""
    with writing(runs) as writer:
        writer.do("for step in range(30000): run.log(step=step, loss=step * 1.0)")
        source = started_source(runs)
        writer.do("run.log(step=30000, loss=5.0)")
        poll = source.poll(time.time())
        source.close()
    assert kinds(poll) == ["loss=5"]
    assert "overwritten" not in poll.rejected


def test_a_reader_that_was_lapped_counts_its_loss(runs: Path, source: RingSource) -> None:
    """What was overwritten before it was read is counted, exactly, and the rest is read in order."""
    with writing(runs) as writer:
        writer.do("run.log(step=0, loss=0.0)")
        source.poll(time.time())
        writer.do("for step in range(1, 50001): run.log(step=step, loss=step * 1.0)")
        poll = source.poll(time.time())
        writer.finish()
    steps = [item.step for item in poll.items if isinstance(item, Sample)]
    assert steps == list(range(50001 - len(steps), 50001))
    assert poll.rejected == {"overwritten": 50000 - len(steps)}
    assert 1000 < len(steps) < 50000


def test_a_restart_loses_and_repeats_nothing(runs: Path) -> None:
    """A reader that goes on from a saved position takes up exactly there, names, layers and counts included."""
    taken: list[Sample | Event] = []
    position: object = None
    with writing(runs) as writer:
        for turn in range(8):
            source = RingSource(RingSettings(folders=(str(runs),)))
            if turn:
                source.restore(position)
            for _ in range(2):
                writer.do(f"run.log({{'m{turn}': 1.0, 'loss': {turn}.0}}, step={turn}, layer='l{turn % 2}', bad=None)")
                poll = source.poll(time.time())
                taken += poll.items
                position = poll.position
            writer.do(f"run.mark('phase', 'unread {turn}')")
            source.close()
        writer.kill()
    source = RingSource(RingSettings(folders=(str(runs),)))
    source.restore(position)
    taken += source.poll(time.time()).items
    source.close()
    whole = [item for item in read_ring(next(runs.glob("*.ring"))) if not isinstance(item, Event) or item.text]
    assert [item for item in taken if not isinstance(item, Event) or item.text] == whole
    counted = Counter(item.kind.value for item in taken if isinstance(item, Event))
    assert counted == {"run_started": 1, "phase": 8, "run_crashed": 1}
    assert taken[-1].seen_live  # type: ignore[union-attr]


def test_a_position_that_is_none_is_refused(source: RingSource) -> None:
    """A state file that holds something else is an error of its own, not a reader at a wrong place."""
    with pytest.raises(ValueError, match="no position of the ring source"):
        source.restore({"r.ring": {"offset": "far"}})


def test_two_live_writers_of_one_rank(runs: Path, source: RingSource) -> None:
    """The first writer is kept, what the other writes is counted; when the first ends, the other takes its place."""
    with writing(runs) as first:
        first.do("run.log(step=1, loss=1.0)")
        source.poll(time.time())
        with writing(runs) as second, writing(runs, rank=1) as neighbour:
            second.do("run.log(step=1, loss=100.0)")
            neighbour.do("run.log(step=1, loss=2.0)")
            first.do("run.log(step=2, loss=1.5)")
            both = source.poll(time.time())
            second.do("run.log(step=2, loss=200.0)")
            more = source.poll(time.time())
            first.finish()
            ended = source.poll(time.time())
            second.do("run.log(step=3, loss=300.0)")
            alone = source.poll(time.time())
    assert sorted(kinds(both)) == ["duplicate_writer", "loss=1.5", "loss=2", "run_started"]
    assert both.rejected == {"duplicate_writer": 2}
    assert kinds(more) == []
    assert kinds(ended)[0] == "run_finished"
    assert (kinds(ended) + kinds(alone))[1:] == ["run_started", "loss=300"]


def test_bad_files_are_counted_once_and_skipped(
    runs: Path, source: RingSource, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Truncated, foreign, linked and special files neither stop the source nor are read, and each is reported once."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        good = next(runs.glob("*.ring")).read_bytes()
        (runs / "empty.ring").touch()
        (runs / "noise.ring").write_bytes(os.urandom(1 << 20))
        (runs / "short.ring").write_bytes(good[: 1 << 19])
        (runs / "long.ring").write_bytes(good + b"x")
        (runs / "version.ring").write_bytes(good[:8] + b"\x63" + good[9:])
        (runs / "header.ring").write_bytes(good[:30] + b"#" + good[31:])
        (tmp_path / "elsewhere.ring").write_bytes(good)
        (runs / "link.ring").symlink_to(tmp_path / "elsewhere.ring")
        (runs / "folder.ring").mkdir()
        os.mkfifo(runs / "pipe.ring")
        first = source.poll(time.time())
        second = source.poll(time.time())
    assert kinds(first) == ["run_started", "loss=1"]
    assert first.rejected == {
        "truncated": 3,
        "not_a_ring": 1,
        "unsupported_version": 1,
        "damaged_header": 1,
        "not_a_regular_file": 3,
    }
    assert second.rejected == {}
    assert len(caplog.records) == 9


def test_a_ring_that_is_cut_short_while_it_is_read(runs: Path, source: RingSource) -> None:
    """Its run is unknown from then on, which is neither fine nor crashed."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        source.poll(time.time())
        os.truncate(next(runs.glob("*.ring")), 5000)
        poll = source.poll(time.time())
    assert kinds(poll) == ["run_unknown"]
    assert poll.rejected == {"truncated": 1}


def test_a_ring_that_is_deleted_is_still_followed(runs: Path, source: RingSource) -> None:
    """The run of a file that somebody deleted is followed to its end."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        source.poll(time.time())
        shutil.rmtree(runs)
        writer.do("run.log(step=2, loss=2.0)")
        poll = source.poll(time.time())
        writer.kill()
        last = source.poll(time.time())
    assert kinds(poll) + kinds(last) == ["loss=2", "run_crashed"]


def test_rings_are_bounded(runs: Path) -> None:
    """Beyond `max_rings` rings are counted and not opened."""
    source = started_source(runs, max_rings=1)
    with writing(runs, "a"), writing(runs, "b"):
        poll = source.poll(time.time())
        again = source.poll(time.time())
    source.close()
    assert poll.rejected == {"too_many_rings": 1}
    assert again.rejected == {}


def test_a_poll_reads_a_bounded_number_of_bytes(runs: Path) -> None:
    """What is too much for one poll comes with the next, in order; what is left at its end comes with the end."""
    source = started_source(runs, max_bytes_per_poll=1 << 16)
    with writing(runs) as writer:
        writer.do("for step in range(5000): run.log(step=step, loss=step * 1.0)")
        polls = [source.poll(time.time()) for _ in range(3)]
        writer.finish()
        polls += [source.poll(time.time()) for _ in range(3)]
    source.close()
    items = [item for poll in polls for item in poll.items]
    assert [item.step for item in items if isinstance(item, Sample)] == list(range(5000))
    assert isinstance(items[-1], Event)
    assert items[-1].kind is EventKind.RUN_FINISHED
    assert all(500 < len(poll.items) < 2500 for poll in polls[:3])


def test_where_nothing_tells_whether_it_lives(runs: Path, source: RingSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without locks, and with the process out of view, a silent run is unknown; one that speaks again is running."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        now = time.time()
        monkeypatch.setattr(OpenedRing, "is_live", lambda _: None)
        assert kinds(source.poll(now)) == ["run_started", "loss=1"]
        assert kinds(source.poll(now + 299)) == []
        assert kinds(source.poll(now + 301)) == ["run_unknown"]
        assert kinds(source.poll(now + 302)) == []
        writer.do("run.log(step=2, loss=2.0)")
        assert kinds(source.poll(now + 303)) == ["run_heard_again", "loss=2"]
        late = started_source(runs)
        assert kinds(late.poll(now + 1)) == []  # whether it had ended before cannot be known
        writer.do("run.log(step=3, loss=3.0)")
        assert kinds(late.poll(now + 2)) == ["run_started", "loss=3"]
        with writing(runs) as restarted:
            restarted.do("run.log(step=0, loss=0.0)")
            assert kinds(late.poll(now + 3)) == ["run_started", "loss=0"]
            assert kinds(late.poll(now + 302)) == []
            assert kinds(late.poll(now + 304)) == ["run_unknown"]  # once, and of the newer one
        late.close()


@ROOT
def test_across_pid_namespaces(runs: Path, source: RingSource) -> None:
    """A run in another container, whose pid means nothing here, is seen to live and to crash by its lock."""
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a pid namespace with a /proc of its own cannot be made here")
    with writing(runs, prefix=apart) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        alive = source.poll(time.time())
        nothing = source.poll(time.time())
        writer.kill()
        deadline = time.monotonic() + 30
        while not (crashed := kinds(source.poll(time.time()))) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert kinds(alive) == ["run_started", "loss=1"]
    assert events(alive)[0].fields["pid"] == "1"
    assert (kinds(nothing), crashed) == ([], ["run_crashed"])


@ROOT
def test_across_users(runs: Path) -> None:
    """A sidecar of another user reads what the group may read, counts what it may not, and never changes anything."""
    reader = """
import json, os, sys, time
from runvitals.sources.ring import RingSettings, RingSource
os.setgroups([]); os.setresgid(int(sys.argv[2]), int(sys.argv[2]), int(sys.argv[2])); os.setresuid(65534, 65534, 65534)
source = RingSource(RingSettings(folders=(".",)))
seen = []
for line in sys.stdin:
    poll = source.poll(time.time())
    kinds = [getattr(item, "kind", None) and item.kind.value or item.signal for item in poll.items]
    print(json.dumps([kinds, poll.rejected]), flush=True)
"""
    answers = {}
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        for group in (0, 65534):
            command = [sys.executable, "-c", reader, ".", str(group)]
            with subprocess.Popen(command, cwd=runs, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
                answers[group], _ = other.communicate("poll\npoll\n")
        writer.do("run.log(step=2, loss=1.0)")
    assert answers[0] == '[["run_started", "loss"], {}]\n[[], {}]\n'
    assert answers[65534] == '[[], {"permission_denied": 1}]\n[[], {}]\n'


LOOK = "import sys; from runvitals.client.live_rings import live_rings; print(any(live_rings([sys.argv[1]])))"


def test_its_own_process_s_ring_is_read_without_being_opened(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening it, and closing it again, would drop the writer's lock; another process still finds it locked."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(runs))
    own = started_source(runs)
    with runvitals.watch("r") as run:
        run.log(step=1, loss=1.0)
        assert kinds(own.poll(time.time())) == ["run_started", "loss=1"]
        assert [item.kind for item in read_ring(next(runs.glob("*.ring"))) if isinstance(item, Event)]
        command = [sys.executable, "-c", LOOK, str(runs)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"
    assert kinds(own.poll(time.time())) == ["run_finished"]
    own.close()


def test_reading_a_file_that_is_no_ring(tmp_path: Path) -> None:
    """The error names the file and says what is wrong; a file that does not exist is an OSError."""
    path = tmp_path / "x.ring"
    path.write_bytes(b"loss,step\n")
    with pytest.raises(NotARingError, match=r"x\.ring: .*header"):
        list(read_ring(path))
    with pytest.raises(FileNotFoundError):
        list(read_ring(tmp_path / "none.ring"))


def test_a_ring_that_is_read_while_it_is_written(runs: Path) -> None:
    """Reading the ring of a living run gives what is there and no end; the file begins with the magic."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        path = next(runs.glob("*.ring"))
        items = list(read_ring(path))
    assert [getattr(item, "kind", "sample") for item in items] == [EventKind.RUN_STARTED, "sample"]
    assert path.read_bytes().startswith(RING_MAGIC)


def test_a_flood_of_files_is_bounded(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a folder with more files than anybody needs the first are looked at, and that there are more is counted."""
    monkeypatch.setattr(ring_source, "_MAX_FILES", 5)
    for number in range(8):
        (runs / f"{number}.ring").touch()
    source = RingSource(RingSettings(folders=(str(runs),)))
    assert source.poll(time.time()).rejected == {"too_many_files": 1, "truncated": 5}
    assert source.poll(time.time()).rejected == {}
    source.close()


def test_a_flood_of_bad_files_does_not_fill_the_log(
    runs: Path, source: RingSource, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After so many lines, the last of which says so, files that are skipped are counted alone."""
    monkeypatch.setattr(ring_source, "_MAX_LOGGED", 3)
    for number in range(8):
        (runs / f"{number}.ring").touch()
    assert source.poll(time.time()).rejected == {"truncated": 8}
    assert len(caplog.records) == 4


def test_a_poll_of_many_rings_is_bounded(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one poll reads of all rings together is bounded, and the rest comes with the next polls."""
    monkeypatch.setattr(ring_source, "_MAX_BYTES_OF_ALL", 1 << 17)
    source = started_source(runs)
    with writing(runs, rank=0) as one, writing(runs, rank=1) as two:
        for writer in (one, two):
            writer.do("for step in range(5000): run.log(step=step, loss=step * 1.0)")
        polls = [source.poll(time.time()) for _ in range(8)]
    source.close()
    samples = [[item for item in poll.items if isinstance(item, Sample)] for poll in polls]
    assert all(len(taken) < 5000 for taken in samples)
    for rank in ("0", "1"):
        assert [item.step for taken in samples for item in taken if item.rank == rank] == list(range(5000))


def test_a_file_name_that_is_no_text(runs: Path, source: RingSource) -> None:
    """A ring under a name that is not UTF-8 is counted and left: no position that holds such a name could be saved."""
    with writing(runs) as writer:
        writer.do("run.log(step=1, loss=1.0)")
        path = next(runs.glob("*.ring"))
        shutil.copy(path, runs / os.fsdecode(b"r-\xff.ring"))
        poll = source.poll(time.time())
    assert poll.rejected == {"bad_file_name": 1}
    assert kinds(poll) == ["run_started", "loss=1"]
    assert msgspec.msgpack.encode(poll.position)
    assert source.poll(time.time()).rejected == {}


def test_impossible_settings_are_refused() -> None:
    """A period of nothing, or no rings at all, is an error that names the key."""
    with pytest.raises(ValueError, match="interval must be greater than 0"):
        RingSettings(interval=0.0)
    with pytest.raises(ValueError, match="max_rings must be greater than 0"):
        RingSettings(max_rings=0)


def test_the_same_folder_under_two_names_counts_once(runs: Path, tmp_path: Path) -> None:
    """A folder that is listed twice does not make two runs of one."""
    (tmp_path / "again").symlink_to(runs)
    source = RingSource(RingSettings(folders=(str(runs), str(tmp_path / "again"), "$RUNVITALS_NO_SUCH_VARIABLE")))
    source.poll(time.time())
    with writing(runs):
        assert kinds(source.poll(time.time())) == ["run_started"]
    source.close()


def test_a_ring_that_is_gone_after_a_restart_leaves_its_run_unknown(runs: Path, source: RingSource) -> None:
    """A machine that started anew has lost the rings in its memory: nobody knows of those runs, and nobody alerts."""
    with writing(runs, "lost", rank=2) as writer:
        writer.do("run.log(step=7, loss=1.0)")
        position = source.poll(time.time()).position
    shutil.rmtree(runs)
    runs.mkdir()
    restarted = RingSource(RingSettings(folders=(str(runs),)))
    restarted.restore(position)
    [event] = events(restarted.poll(time.time()))
    assert (event.kind, event.run, event.rank, event.step) == (EventKind.RUN_UNKNOWN, "lost", "2", 7)
    assert restarted.poll(time.time()).items == []
    restarted.close()
