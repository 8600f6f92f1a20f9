"""`runvitals tail` shows what there is in a file, and what comes."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

import runvitals
from runvitals.cli import main
from runvitals.cli.tail.growing_file import GrowingFile


def rows(first, last, *, bad=()):
    """CSV lines of a loss that wanders; NaN at the steps in `bad`."""
    noise = random.Random(first)
    values = {step: math.nan if step in bad else 2.0 + noise.gauss(0.0, 0.1) for step in range(first, last)}
    return "".join(f"{step},{value:.5f}\n" for step, value in values.items())


@contextmanager
def tailing(path):
    """The command as a process; yields a function that returns its next line."""
    command = [sys.executable, "-m", "runvitals", "tail", "-n", "2", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield lambda: process.stdout.readline().rstrip()
        finally:
            process.kill()


def grown(feed):
    """The steps that a feed brings until it has caught up."""
    steps = []
    for item in feed:
        if item is None:
            return steps
        steps.append(item.step)
    return steps


def test_a_recorded_file_shows_its_findings_and_its_last_steps(tmp_path, capsys):
    """Findings of all of it, where they opened and closed; then as many steps as were asked for, with scores."""
    (tmp_path / "r.csv").write_text("step,loss\n" + rows(0, 300, bad={120}))
    assert main(["tail", "--no-follow", "-n", "3", str(tmp_path / "r.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("r/0 step 120  ! nonfinite_loss OPEN (critical): ")
    assert [line for line in lines if "nonfinite_loss closed: recovered" in line]
    assert [line.split("  ")[0] for line in lines[-3:]] == ["r/0 step 297", "r/0 step 298", "r/0 step 299"]
    assert all("  loss " in line and line.endswith(")") for line in lines[-3:])


def test_a_growing_file_is_followed(tmp_path):
    """Steps and findings appear as they are written, a half-written line once it is whole."""
    path = tmp_path / "grows.csv"
    path.write_text("step,loss\n" + rows(0, 50))
    with tailing(path) as line, path.open("a") as file:
        assert [line().partition("  ")[0] for _ in range(2)] == ["grows/0 step 48", "grows/0 step 49"]
        file.write("50,1.2")
        file.flush()
        time.sleep(0.3)
        file.write("5\n51,nan\n")
        file.flush()
        assert line() == "grows/0 step 50  loss 1.25"
        assert line().startswith("grows/0 step 51  ! nonfinite_loss OPEN")


def test_a_ring_is_followed_to_the_end_of_its_run(tmp_path, monkeypatch):
    """Then the command ends by itself."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    with runvitals.watch("live") as run:
        run.log(step=0, loss=1.0)
        [ring] = tmp_path.glob("*.ring")
        with tailing(ring) as line:
            assert line() == "live/0 step 0  loss 1"
            run.log(step=1, loss=2.0)
            assert line() == "live/0 step 1  loss 2"
            run.close()
            assert line() == ""


def test_what_is_known_is_not_told_again(tmp_path):
    """However often the file is read; one that is replaced begins anew."""
    path = tmp_path / "r.csv"
    path.write_text("step,loss\n" + rows(0, 5))
    feed = iter(GrowingFile(path, None))
    assert grown(feed) == [0, 1, 2, 3, 4]
    with path.open("a") as file:
        file.write(rows(5, 7))
    while not (more := grown(feed)):
        time.sleep(0.01)
    assert more == [5, 6]
    (tmp_path / "new").write_text("step,loss\n" + rows(100, 102))
    (tmp_path / "new").replace(path)
    while not (more := grown(feed)):
        time.sleep(0.01)
    assert more == [100, 101]
    path.unlink()
    assert grown(feed) == []


def test_the_last_row_of_a_finished_file_needs_no_line_end(tmp_path, capsys):
    """It is shown with the others; in a file that is followed it may be half a row."""
    path = tmp_path / "r.csv"
    path.write_text("step,loss\n1,2.0\n2,3.0")
    assert main(["tail", "--no-follow", str(path)]) == 0
    assert [line.partition("  ")[0] for line in capsys.readouterr().out.splitlines()] == ["r/0 step 1", "r/0 step 2"]
    assert grown(GrowingFile(path, None)) == [1]


def test_a_trainer_that_stops_writing_is_seen_to_hang(tmp_path, monkeypatch, capsys):
    """What is followed is live, as it is for the sidecar; the pace is that of what has come since."""
    path = tmp_path / "train.log"
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)

    def pass_by(_):
        nonlocal clock
        clock += 10.0
        pass_by.calls += 1
        if pass_by.calls < 40:
            with path.open("a") as file:
                file.write(f"s:{pass_by.calls} trl:2.5 lr:0.001 norm:1.25\n")
            os.utime(path, (clock, clock))
        elif pass_by.calls > 60:
            raise KeyboardInterrupt

    pass_by.calls = 0
    monkeypatch.setattr(time, "sleep", pass_by)
    path.write_text("s:0 trl:2.5 lr:0.001 norm:1.25\n")
    main(["tail", str(path)])
    assert "train/0 step 39  ! hang OPEN (critical)" in capsys.readouterr().out


@pytest.mark.parametrize(("content", "flags"), [(b"\0\1\2\3" * 100, []), (b"just a sentence\n", ["--no-follow"])])
def test_a_file_that_is_no_recording_is_an_error(tmp_path, capsys, content, flags):
    """It says which. A log that is followed may only have begun."""
    (tmp_path / "x").write_bytes(content)
    assert main(["tail", *flags, str(tmp_path / "x")]) == 1
    assert str(tmp_path / "x") in capsys.readouterr().err


def test_a_file_that_is_not_there_is_an_error(capsys):
    """It is named."""
    assert main(["tail", "/nowhere/x.csv"]) == 1
    assert "/nowhere/x.csv: No such file" in capsys.readouterr().err
