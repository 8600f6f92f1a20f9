"""`runvitals run` with real scripts that know nothing of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runvitals.cli import run
from runvitals.sources.ring import RingSettings, RingSource
from runvitals.values import Event

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from runvitals.training.startup import torch_steps  # noqa: E402
from tests.training.torch.loops import recorded  # noqa: E402

pytestmark = pytest.mark.slow

PLAIN = str(Path(__file__).with_name("plain.py"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rings").mkdir()
    return tmp_path


def started(folder, *command, name="plain"):
    environment = {**os.environ, "RUNVITALS_RUNS_DIR": str(folder / "rings")}
    return subprocess.Popen(
        [sys.executable, "-m", "runvitals", "run", "--run", name, "--", *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def finished(process):
    out, error = process.communicate(timeout=120)
    return process.returncode, out, error


def endings(folder):
    source = RingSource(RingSettings(folders=(str(folder / "rings"),)))
    found = [
        (item.kind.value, item.rank, item.text)
        for item in source.poll(0.0).items
        if isinstance(item, Event) and item.kind.value.startswith("run_") and item.kind.value != "run_started"
    ]
    source.close()
    return found


def test_a_training_is_watched_and_computes_the_same(folder):
    """Loss, norm and rate of each step are recorded, and the weights are equal to the last bit to those without."""
    code, out, error = finished(started(folder, sys.executable, PLAIN, "through"))
    assert code == 0, error
    assert "runvitals" not in error
    alone = subprocess.run([sys.executable, PLAIN, "through"], capture_output=True, text=True, check=True)
    lines, own = out.splitlines(), alone.stdout.splitlines()
    assert lines[:-1] == own[:-1]
    assert lines[-1] == "heavy False rings 1"
    found = recorded(folder / "rings")
    printed = [float(line.split()[1]) for line in own[:100]]
    losses = found["loss", ""]
    assert [losses[step] for step in range(1, 100)] == pytest.approx(printed[1:], rel=1e-4)
    assert set(found["learning_rate", ""].values()) == {0.05}
    assert len(found["step_seconds", ""]) == 99
    assert ("update_ratio", "0") in found
    assert min(found["grad_norm", ""].values()) > 0.0


@pytest.mark.parametrize(
    ("what", "code", "ending"),
    [("raise", 1, "OverflowError"), ("exit", 7, ""), ("kill", -signal.SIGKILL, "")],
)
def test_the_exit_code_is_the_scripts_and_its_end_is_recorded(folder, what, code, ending):
    """However the script ends, its exit code comes through; an exception is known by type, a kill is a crash."""
    found, _, error = finished(started(folder, sys.executable, PLAIN, what))
    assert found == code, error
    kind = {"raise": "run_raised", "exit": "run_finished", "kill": "run_crashed"}[what]
    assert [(event, rank) for event, rank, _ in endings(folder)] == [(kind, "0")]
    assert ending in endings(folder)[0][2]


def test_a_signal_reaches_the_script(folder):
    """What is sent to the process is the script's to handle."""
    script = folder / "waits.py"
    script.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\ntime.sleep(60)\n"
    )
    process = started(folder, sys.executable, str(script), name="waits")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert finished(process)[0] == 42


def test_a_script_without_pytorch_is_recorded_too_but_not_what_it_starts(folder):
    """Its process is one run with a beginning and an end; a Python that it starts is none."""
    script = folder / "plain_python.py"
    script.write_text("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n")
    assert finished(started(folder, sys.executable, str(script)))[0] == 0
    assert [event for event, *_ in endings(folder)] == ["run_finished"]
    assert len(list((folder / "rings").glob("*.ring"))) == 1


def test_a_script_that_watches_itself_is_left_alone(folder):
    """Where the script records its own run, nothing is hooked a second time."""
    script = folder / "own.py"
    script.write_text(
        "import torch, runvitals\n"
        "run = runvitals.watch('own')\n"
        "layer = torch.nn.Linear(2, 1)\n"
        "optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)\n"
        "for step in range(3):\n"
        "    layer(torch.ones(2)).sum().backward()\n"
        "    optimizer.step()\n"
        "    run.log(own=1.0, step=step)\n"
    )
    assert finished(started(folder, sys.executable, str(script)))[0] == 0
    assert set(recorded(folder / "rings")) == {("own", "")}


def test_the_users_own_start_up_still_runs(folder, monkeypatch):
    """A sitecustomize that was there before is run as ever."""
    (folder / "sitecustomize.py").write_text("print('own start-up', flush=True)\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    code, out, error = finished(started(folder, sys.executable, "-c", "print('script')"))
    assert (code, out.splitlines()[-2:]) == (0, ["own start-up", "script"]), error


def test_the_watched_module_is_the_one_that_is_called():
    """Of wrappers, lists and the network itself it is the network; of a compiled one what is called in its place."""

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ModuleDict({"one": torch.nn.Linear(2, 2), "two": torch.nn.Linear(2, 2)})

        def forward(self, inputs):
            return self.parts["two"](self.parts["one"](inputs))

    network = Network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    around = torch.nn.Sequential(network, torch.nn.ReLU())
    modules = [around, *around.modules()]
    assert torch_steps.module_of(optimizer, modules) is network
    compiled = torch.compile(network, backend="eager")
    assert torch_steps.module_of(optimizer, [*modules, compiled]) is compiled
    other = torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=0.1)
    assert torch_steps.module_of(other, modules) is None


def test_what_cannot_be_run_is_said():
    """A command that is not there, and none at all, are mistakes of the command line."""
    for command in (["/nowhere/python"], []):
        done = subprocess.run(
            [sys.executable, "-m", "runvitals", "run", "--", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("runvitals: ")


def test_launchers_are_none_of_the_run():
    """What starts the processes that train is told by its name or module."""
    assert run.is_launcher(["/venv/bin/torchrun", "train.py"])
    assert run.is_launcher(["python", "-m", "torch.distributed.run", "train.py"])
    assert not run.is_launcher(["python", "train.py"])
    assert run.name_of(["python", "-u", "folder/train.py", "--x"]) == "train"
