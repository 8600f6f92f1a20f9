"""Two real processes under torchrun (gloo): ranks are told apart, and what goes wrong is named with its rank."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from runvitals.diagnosis.settings import resolve  # noqa: E402
from runvitals.pipeline.pipeline import Pipeline, RankSettings  # noqa: E402
from runvitals.series import SeriesSettings  # noqa: E402
from runvitals.sources.ring import RingSettings, RingSource  # noqa: E402
from runvitals.values import Event, Sample  # noqa: E402

pytestmark = pytest.mark.slow

STEPS, SLOW_SECONDS = 60, 0.03  # as in the script
SCRIPT = str(Path(__file__).with_name("ranks.py"))


class Launch:
    """torchrun with two ranks, and a sidecar's pipeline that looks on."""

    def __init__(self, folder, what, *before, monitor_seconds=0.5):
        self.folder, self.rings = folder, folder / what
        self.rings.mkdir()
        self.values, self.events = {}, []
        self.pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
        self.source = RingSource(RingSettings(folders=(str(self.rings),)))
        self.process = subprocess.Popen(
            [
                *before,
                sys.executable,
                "-m",
                "torch.distributed.run",
                "--nproc-per-node=2",
                "--master-addr=127.0.0.1",
                "--rdzv-backend=c10d",
                "--rdzv-endpoint=127.0.0.1:0",
                f"--monitor-interval={monitor_seconds}",
                SCRIPT,
                what,
                str(folder),
            ],
            env={**os.environ, "RUNVITALS_RUNS_DIR": str(self.rings), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def look(self):
        items = self.source.poll(time.time()).items
        for item in items:
            if isinstance(item, Sample) and not item.layer:
                self.values.setdefault((item.signal, item.rank), {})[item.step] = item.value
            elif isinstance(item, Event):
                self.events.append((item.kind.value, item.rank, item.text))
        self.pipeline.observe(items, "ring")
        self.pipeline.advance(time.time())

    def look_until(self, condition):
        until = time.monotonic() + 120.0
        while not condition():
            assert time.monotonic() < until, "it took too long"
            time.sleep(0.1)
            self.look()

    def finish(self):
        self.look_until(lambda: self.process.poll() is not None)
        self.look()
        return self.process.returncode

    def saved(self, what):
        return [torch.load(self.folder / f"{what}-{rank}.pt") for rank in (0, 1)]

    def found(self):
        return {(finding.fault, finding.rank) for finding in self.pipeline.findings()}

    def end(self):
        workers = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        for one in (self.process, *workers):
            one.kill()
        self.process.wait()
        self.source.close()


@pytest.fixture
def launch(tmp_path):
    launched = []

    def start(what, *before, **settings):
        launched.append(Launch(tmp_path, what, *before, **settings))
        return launched[-1]

    yield start
    for one in launched:
        one.end()


def test_ranks_agree_on_the_gradient_and_a_slow_one_shows_before_the_exchange(launch):
    """Weights are the same to the last bit with and without, and norms those after the exchange, equal on both ranks.

    The exchange makes the steps of both ranks equally long; the time before it tells which one the other waits for.
    """
    assert launch("plain").finish() == 0
    slow = launch("slow")
    assert slow.finish() == 0
    for rank, plain, watched in zip(("0", "1"), slow.saved("plain"), slow.saved("slow"), strict=True):
        assert all(torch.equal(value, watched["weights"][name]) for name, value in plain["weights"].items())
        assert slow.values["grad_norm", rank] == pytest.approx(dict(enumerate(watched["norms"])), rel=1e-5)
    assert slow.values["grad_norm", "0"] == slow.values["grad_norm", "1"]
    compute, step = (
        [statistics.median(slow.values[signal, rank].values()) for rank in ("0", "1")]
        for signal in ("compute_seconds", "step_seconds")
    )
    assert compute[1] - compute[0] > 0.5 * SLOW_SECONDS
    assert min(step) > 0.9 * SLOW_SECONDS
    assert abs(step[1] - step[0]) < 0.3 * SLOW_SECONDS


def test_a_killed_rank_is_a_crash_of_that_rank(launch):
    """The one that was killed has crashed; the other ends by the exception that the broken exchange raises."""
    killed = launch("kill", monitor_seconds=60)  # before torchrun ends the other one itself
    killed.look_until(lambda: {kind for kind, *_ in killed.events} >= {"run_crashed", "run_raised"})
    ends = {(kind, rank, text) for kind, rank, text in killed.events if kind in ("run_crashed", "run_raised")}
    assert ends == {("run_crashed", "1", ""), ("run_raised", "0", "RuntimeError")}
    assert ("run_crashed", "1") in killed.found()


def test_ranks_that_wait_for_one_that_stands_still_hang(launch):
    """A rank that is stopped and the one that waits for it are both found to hang, in time."""
    stopped = launch("stop")
    stopped.look_until(lambda: len(stopped.values.get(("step_seconds", "0"), ())) >= 30)
    stopped.look_until((stopped.folder / "stopped").exists)
    stopped.look()
    assert stopped.found() == set()
    stopped.pipeline.advance(time.time() + 7200.0)
    assert {("hang", "0"), ("hang", "1")} <= stopped.found()


def test_runvitals_run_attaches_to_each_rank(launch):
    """Under `runvitals run -- torchrun …` each process records its own rank, with no change to the script."""
    attached = launch("attached", sys.executable, "-m", "runvitals", "run", "--run", "attached", "--")
    assert attached.finish() == 0
    assert {rank for kind, rank, _ in attached.events if kind == "run_finished"} == {"0", "1"}
    for rank in ("0", "1"):
        assert len(attached.values["step_seconds", rank]) == STEPS - 1
        assert len(attached.values["loss", rank]) >= STEPS - 1
