"""What a run writes is what is read."""

from __future__ import annotations

import copy
import gc
import math
import pickle
from pathlib import Path

import pytest

import runvitals
from runvitals.values import EventKind
from tests.client.written import events, items, samples, values


def test_scalars_come_back_as_they_were_logged(runs: Path) -> None:
    """Every value keeps its name, step and bits, on the general way and on the fast one."""
    with runvitals.watch("a run", rank=3, world_size=8) as run:
        for step in range(20):
            run.log(step=step, loss=1 / (step + 1), my_metric=math.inf if step == 7 else float(step))
    read = samples(runs)
    assert [(s.run, s.rank, s.layer) for s in read] == [("a run", "3", "")] * 40
    assert [s.value for s in read if s.signal == "loss"] == [1 / (step + 1) for step in range(20)]
    expected = [math.inf if step == 7 else float(step) for step in range(20)]
    assert [s.value for s in read if s.signal == "my_metric"] == expected
    assert [s.step for s in read] == [step for step in range(20) for _ in range(2)]


def test_the_fast_log_is_the_same_log(runs: Path) -> None:
    """Once a call site has its own function, other names, types, layers, mappings and steps still arrive."""
    with runvitals.watch("r") as run:
        for step in range(10):
            run.log(step=step, loss=1.0, lr=0.1)
        assert "log" in run.__dict__
        run.log(step=10, loss=2, lr=0.1)
        run.log(step=11, loss=3.0)
        run.log(step=12, loss=4.0, lr=0.2, other=5.0)
        run.log({"train/acc": 0.5}, step=13, loss=6.0)
        run.log(step=14, loss=7.0, lr=0.3, layer="encoder.0")
        run.log(step=2**70, loss=8.0, lr=0.4)
        run.log(loss=9.0, lr=0.5)
    assert values(runs)[20:] == [
        *[("loss", 10, 2.0), ("learning_rate", 10, 0.1), ("loss", 11, 3.0)],
        *[("loss", 12, 4.0), ("learning_rate", 12, 0.2), ("other", 12, 5.0), ("train/acc", 13, 0.5), ("loss", 13, 6.0)],
        *[("loss", 14, 7.0), ("learning_rate", 14, 0.3), ("loss", None, 8.0), ("learning_rate", None, 0.4)],
        *[("loss", 14, 9.0), ("learning_rate", 14, 0.5)],
    ]
    assert [s.layer for s in samples(runs)].count("encoder.0") == 2


def test_names_that_cannot_be_parameters(runs: Path) -> None:
    """Names that mean something to Python, or to `log` itself, are names like others."""
    odd = ["type", "_append", "class", "given", "others", "values", "ﬁ", "a b", "None", "__builtins__", "print"]
    with runvitals.watch("r") as run:
        for step in range(10):
            run.log(step=step, **{name: float(step) for name in odd})
    assert values(runs) == [(name, step, float(step)) for step in range(10) for name in odd]


def test_steps_that_are_not_given(runs: Path) -> None:
    """Without any step, the call that began a step begins the next one; a given step holds until another is given."""
    with runvitals.watch("r") as run:
        for value in (1.0, 2.0):
            run.log(loss=value)
            run.log(lr=value)
        run.log(step=100, loss=3.0)
        run.log(lr=3.0)
        run.log(loss=4.0)
    assert [step for _, step, _ in values(runs)] == [0, 0, 1, 1, 100, 100, 100]


def test_marks(runs: Path) -> None:
    """A mark of a known kind is an event of that kind; any other is a plain mark that keeps its kind; texts are cut."""
    with runvitals.watch("r") as run:
        run.log(step=5, loss=1.0)
        run.mark("resume", "from step 4000")
        run.mark("coffee", "x" * 5000, step=7)
    _, resume, coffee, finished = events(runs)
    assert (resume.kind, resume.text, resume.step) == (EventKind.RESUME, "from step 4000", 5)
    assert (coffee.kind, coffee.fields, coffee.step) == (EventKind.MARK, {"kind": "coffee"}, 7)
    assert coffee.text == "x" * 1000
    assert finished.kind is EventKind.RUN_FINISHED


def test_many_scalars_of_one_call(runs: Path) -> None:
    """A call with more scalars than a record takes is written as several of the same step."""
    scalars = {f"m{number}": float(number) for number in range(1000)}
    with runvitals.watch("r") as run:
        run.log(scalars, step=1)
    assert values(runs) == [(name, 1, value) for name, value in scalars.items()]


def test_calls_after_close_do_nothing(runs: Path) -> None:
    """A closed run takes no more, may be closed again, and its fast log is off as well."""
    run = runvitals.watch("r")
    for step in range(10):
        run.log(step=step, loss=1.0)
    kept = run.log
    run.close()
    run.close()
    run.log(step=10, loss=1.0)
    kept(step=11, loss=1.0)
    run.mark("phase", "late")
    assert not run.is_recording
    assert len(items(runs)) == 12


@pytest.mark.usefixtures("runs")
def test_a_second_watch_is_the_same_run() -> None:
    """Two parts of a script that watch one run and rank share it, so that they are not two writers."""
    with runvitals.watch("r") as run:
        assert runvitals.watch("r") is run
        with runvitals.watch("r", rank=1) as other:
            assert other is not run
    with runvitals.watch("r") as again:
        assert again is not run


def test_a_run_nobody_holds_has_finished(runs: Path) -> None:
    """A run that its user let go of ends then, fast log or not."""
    run = runvitals.watch("r")
    for step in range(10):
        run.log(step=step, loss=1.0)
    del run
    gc.collect()
    assert events(runs)[-1].kind is EventKind.RUN_FINISHED


def test_copies_are_off(runs: Path) -> None:
    """A run may be copied or pickled with the object that holds it; the copy records nothing."""
    with runvitals.watch("r") as run:
        for clone in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
            clone.log(step=1, loss=1.0)
            assert not clone.is_recording
        run.log(step=2, loss=2.0)
    assert values(runs) == [("loss", 2, 2.0)]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ("0", 1)),
        ({"RANK": "3", "WORLD_SIZE": "8"}, ("3", 8)),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "16"}, ("5", 16)),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "SLURM_PROCID": "0"}, ("2", 4)),
        ({"RUNVITALS_RANK": "replica-a", "RANK": "1"}, ("replica-a", 1)),
        ({"RANK": "1", "WORLD_SIZE": "many"}, ("1", 1)),
    ],
)
def test_rank_comes_from_the_launcher(
    runs: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: tuple[str, int]
) -> None:
    """torchrun, Open MPI and SLURM say which rank this is of how many."""
    for name in ("SLURM_PROCID", "SLURM_NTASKS", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    runvitals.watch("r").close()
    started = events(runs)[0]
    assert (started.rank, started.fields["world_size"]) == (expected[0], str(expected[1]))


@pytest.mark.parametrize("name", ["../../etc", "", "a\0b", "ü/é\n\"'", "x" * 10_000, "\ud800", "..", "-rf"])
def test_odd_run_names_stay_in_the_folder(runs: Path, name: str) -> None:
    """Whatever a run is called, its file lies in the folder, and the name comes back as far as it can be shown."""
    runvitals.watch(name).close()
    assert [path.parent for path in runs.parent.rglob("*.ring")] == [runs]
    started = events(runs)[0]
    assert started.run == (name.replace("\ud800", "?")[:200] or "unnamed")
