"""A run that is seen through its log alone: when it lives, when it stands still, and when it is over."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Event
from tests.sources.logfile.following import START, Watch, kinds, llmc, steps, write

PAUSE = 30.0
"""Seconds from one line to the next."""

PAUSES = [
    "saving checkpoint at iteration 100 to out",
    "***** Running Evaluation *****",
    '| begin validation on "valid"',
]
ENDS = [
    "{'train_runtime': 12.5, 'train_samples_per_second': 3.1, 'train_loss': 0.5, 'epoch': 3.0}",
    "[rank0]:[titan] 2023-11-14 22:13:20,000 - root - INFO - Training completed",
    "[after training is done] datetime: 2023-11-14 22:13:20 ",
    "`Trainer.fit` stopped: `max_epochs=3` reached.",
    "[2023-11-14 22:13:20,789] [INFO] [launch.py:351:main] Process 4657 exits successfully.",
]


class Followed:
    """A log that a trainer writes a line to each `PAUSE` seconds, and the pipeline that follows it."""

    def __init__(self, path, **settings):
        self.path, self.step = path, 0
        self.watch = Watch(path.parent / "*.*", run="r", **settings)
        self.pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
        self.events = []
        self.watch.poll()

    def write(self, text):
        """The trainer writes."""
        write(self.path, text, self.watch.now, "a")

    def train(self, count, every=5.0):
        """Let it write so many lines, each seen as it comes."""
        for _ in range(count):
            self.step += 1
            self.write(llmc(self.step, self.step + 1))
            self.wait(PAUSE, every)

    def wait(self, seconds, every=5.0):
        """Let time pass, with a poll now and then."""
        end = self.watch.now + seconds
        while self.watch.now < end:
            items = self.watch.poll(every)
            self.events += [one for one in items if isinstance(one, Event)]
            self.pipeline.observe(items, "logs")
            self.pipeline.advance(self.watch.now, {"logs": self.watch.now})

    def restart(self):
        """The sidecar is restarted."""
        self.watch = self.watch.restarted(run="r")
        self.watch.poll()

    def open(self):
        """The faults that are open."""
        return {one.fault for one in self.pipeline.findings() if one.is_open}


@pytest.fixture
def followed(tmp_path):
    """A log that is followed from its first line."""
    return Followed(tmp_path / "train.log")


def test_a_trainer_that_stops_writing_hangs_after_a_multiple_of_its_own_interval(followed):
    """Five times the usual interval: not at a minute, nor after the patience of a start; the next line closes it."""
    followed.train(20)
    followed.wait(4 * PAUSE)
    assert followed.open() == set()
    followed.wait(3 * PAUSE)
    assert followed.open() == {"hang"}
    [finding] = [one for one in followed.pipeline.findings() if one.fault == "hang"]
    assert (finding.opened_step, finding.run) == (20, "r")
    followed.train(2)
    assert followed.open() == set()


def test_a_restart_of_the_sidecar_forgets_nobody(followed):
    """The run is not heard anew, which would begin to learn its pace again."""
    followed.train(20)
    followed.restart()
    followed.wait(7 * PAUSE)
    assert (followed.open(), kinds(followed.events)) == ({"hang"}, ["run_heard_again"])


@pytest.mark.parametrize("line", PAUSES)
def test_a_pause_that_the_log_announces_is_no_hang(followed, line):
    """It may take as long as a start."""
    followed.train(20)
    followed.write(f"{line}\n")
    followed.wait(15 * 60)
    assert followed.open() == set()
    followed.wait(10 * 60)
    assert followed.open() == {"hang"}


@pytest.mark.parametrize("line", ENDS)
def test_a_run_whose_log_says_that_it_has_finished_does_not_hang(followed, line):
    """What comes after it, such as a last evaluation, does not bring it back to life."""
    followed.train(20)
    followed.write(f"{line}\n{{'eval_loss': 0.5, 'epoch': 3.0}}\n")
    followed.wait(60 * 60)
    assert (followed.open(), kinds(followed.events)) == (set(), ["run_heard_again", "run_finished"])


def test_a_run_that_goes_on_in_a_finished_log_is_heard_again(followed):
    """Its silence counts anew."""
    followed.train(20)
    followed.write(f"{ENDS[0]}\n")
    followed.train(20)
    followed.wait(7 * PAUSE)
    assert followed.open() == {"hang"}


def test_a_traceback_after_which_nothing_comes_is_the_end(followed):
    """One that is followed by steps was caught."""
    followed.train(20)
    traceback = "Traceback (most recent call last):\n  x\nValueError: secret\n"
    followed.write(traceback)
    followed.train(5)
    assert followed.open() == set()
    followed.write(traceback)
    followed.wait(4 * PAUSE)
    assert followed.open() == {"run_crashed"}
    [finding] = [one for one in followed.pipeline.findings() if one.is_open]
    assert finding.evidence[0].sentence == "the process raised ValueError"
    followed.wait(30 * 60)
    assert followed.open() == {"run_crashed"}


@pytest.mark.parametrize("age", [10.0, 10_000.0])
def test_a_log_that_was_finished_before_the_sidecar_came_tells_of_no_run(tmp_path, age):
    """Whether it was written a moment or hours ago; its evidence is no news."""
    write(tmp_path / "train.log", llmc(1, 100) + "CUDA out of memory\nXid (PCI:0000:3b:00): 79\n", START - age)
    followed = Followed(tmp_path / "train.log")
    followed.wait(60 * 60)
    assert (followed.open(), followed.events) == (set(), [])


def test_a_finished_log_that_is_copied_here_tells_of_no_run(tmp_path):
    """It is new, but nobody writes it; what its lines are dated to is not now, and so their evidence pages nobody."""
    followed = Followed(tmp_path / "train.log")
    lines = "".join(f"[2020-01-01 00:{minute:02}:00] {llmc(minute, minute + 1)}" for minute in range(60))
    followed.write(f"{lines}[2020-01-01 01:00:00] NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n")
    followed.wait(60 * 60)
    assert (followed.open(), kinds(followed.events)) == (set(), ["xid"])
    assert not followed.events[0].seen_live


def test_the_silence_of_a_table_says_nothing(tmp_path):
    """It is opened for each row: a finished run leaves it as one that hangs does."""
    followed = Followed(tmp_path / "metrics.csv")
    followed.write("step,loss\n")
    for step in range(20):
        followed.write(f"{step},2.5\n")
        followed.wait(PAUSE)
    followed.wait(60 * 60)
    assert (followed.open(), followed.events) == (set(), [])


TRAINER = "import sys, time\nfor line in sys.stdin: print(line, end='', flush=True)\n"


@contextmanager
def a_trainer(path):
    """A process that has a log open, and writes what it is told."""
    with path.open("a") as log:
        process = subprocess.Popen([sys.executable, "-c", TRAINER], stdin=subprocess.PIPE, stdout=log, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


@pytest.fixture
def trainer(tmp_path):
    """The process that writes the log."""
    with a_trainer(tmp_path / "train.log") as process:
        yield process


class Written(Followed):
    """A log that a process writes."""

    def __init__(self, path, process):
        super().__init__(path)
        self.process = process

    def write(self, text):
        """The process writes: once that is done, the file is of now."""
        size = self.path.stat().st_size
        self.process.stdin.write(text)
        self.process.stdin.flush()
        while self.path.stat().st_size < size + len(text):
            time.sleep(0.001)
        os.utime(self.path, (self.watch.now, self.watch.now))


@pytest.mark.parametrize("how", ["stopped", "ended"])
def test_a_process_tells_whether_its_silence_is_a_hang_or_the_end(tmp_path, trainer, how):
    """One that is there and writes nothing hangs; one that is gone does not, though its log says nothing of an end."""
    followed = Written(tmp_path / "train.log", trainer)
    followed.train(20)
    if how == "stopped":
        trainer.send_signal(signal.SIGSTOP)
    else:
        trainer.kill()
        trainer.wait()
    followed.wait(7 * PAUSE)
    assert followed.open() == ({"hang"} if how == "stopped" else set())
    assert kinds(followed.events) == ["run_heard_again"] + ["run_unknown"] * (how == "ended")


def test_a_process_that_dies_before_its_log_was_ever_silent_does_not_hang(tmp_path, trainer):
    """Each poll until then brought a line, as with steps that are faster than polls."""
    followed = Written(tmp_path / "train.log", trainer)
    followed.train(20, every=PAUSE)
    trainer.kill()
    trainer.wait()
    followed.wait(7 * PAUSE)
    assert (followed.open(), kinds(followed.events)) == (set(), ["run_heard_again", "run_unknown"])


def test_a_hang_is_over_when_its_process_is_killed(tmp_path, trainer):
    """Whoever looks after it is not left with an alert."""
    followed = Written(tmp_path / "train.log", trainer)
    followed.train(20)
    followed.wait(7 * PAUSE)
    assert followed.open() == {"hang"}
    trainer.kill()
    trainer.wait()
    followed.wait(10)
    assert followed.open() == set()


def test_the_steps_are_told_once(followed):
    """Hearing a run changes nothing about its samples."""
    followed.write(llmc(1, 3))
    assert steps(followed.watch.poll()) == [1, 2]
    followed.write(llmc(3, 4))
    assert steps(followed.watch.poll()) == [3]


@pytest.mark.parametrize("pause", [0.0, 7 * PAUSE])
def test_another_process_may_go_on_in_the_same_log(tmp_path, trainer, pause):
    """At once, or after the first was seen to be gone: the silence of the second is a hang all the same."""
    followed = Written(tmp_path / "train.log", trainer)
    followed.train(20)
    trainer.kill()
    trainer.wait()
    followed.wait(pause)
    with a_trainer(tmp_path / "train.log") as followed.process:
        followed.train(20)
        assert followed.open() == set()
        followed.wait(7 * PAUSE)
        assert followed.open() == {"hang"}
    followed.wait(10)
    assert followed.open() == set()
    assert kinds(followed.events) == ["run_heard_again", "run_unknown"] * (2 if pause else 1)


def test_a_run_in_a_store_that_a_server_keeps_open_neither_hangs_nor_ends(tmp_path):
    """MLflow's server lives on after the run."""
    store = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(store)) as server:
        server.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
        server.execute("CREATE TABLE runs (run_uuid, name)")
        server.commit()
        followed = Followed(store)
        for step in range(20):
            time_ms = int(followed.watch.now * 1000)
            server.execute("INSERT INTO metrics VALUES ('loss', 2.5, ?, 'a', ?, 0)", (time_ms, step))
            server.commit()
            os.utime(store, (followed.watch.now, followed.watch.now))
            followed.wait(PAUSE)
        assert len(list(followed.pipeline.series_views(followed.watch.now))) == 1
        followed.wait(60 * 60)
    assert (followed.open(), followed.events) == (set(), [])
