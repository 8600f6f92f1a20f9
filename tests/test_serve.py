"""`runvitals serve` as a real process: what it shows, how it reloads, and what survives its end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

import runvitals
from runvitals.pipeline import checkpoint
from tests.servers import wait_until

pytestmark = pytest.mark.slow

CONFIG = "web: {listen_address: '127.0.0.1:0'}\ntick_seconds: 0.1\nsources: [{kind: ring, interval: 0.1}]\n"


class Sidecar:
    """A running sidecar."""

    def __init__(self, process, log):
        self.process, self.log = process, log
        served = wait_until(lambda: re.search(r"serves (http://\S+)/metrics", log.read_text()), "the sidecar's address")
        self.url = served[1]

    def get(self, path, method="GET"):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method), timeout=30) as answer:
            return answer.read().decode()

    def value(self, pattern):
        """The number of the first metric line that matches; None without one."""
        found = re.search(rf"^{pattern}\S* (\S+)$", self.get("/metrics"), re.MULTILINE)
        return float(found[1]) if found else None

    def findings(self):
        return {one["fault"]: one for one in self.all_findings()}

    def all_findings(self):
        return json.loads(self.get("/findings"))


@contextmanager
def sidecar(tmp_path, config=CONFIG, *arguments, name="sidecar"):
    file = tmp_path / "runvitals.yml"
    if not file.exists():
        file.write_text(config)
    log = tmp_path / f"{name}.log"
    environment = {
        **os.environ,
        "RUNVITALS_STATE_DIR": str(tmp_path / "state"),
        "RUNVITALS_RUNS_DIR": str(tmp_path / "runs"),
    }
    command = [sys.executable, "-m", "runvitals", "serve", "--config.file", str(file), *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(command, stderr=output, stdout=output, env=environment, cwd=tmp_path)
    try:
        yield Sidecar(process, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def runs(tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_a_run_appears_by_itself_and_its_nan_is_a_finding(tmp_path, runs):
    """From `log` to `/metrics` and `/findings`, through a real ring and a real process."""
    with sidecar(tmp_path) as side, runvitals.watch("my-run", rank=3) as run:
        for step in range(100):
            run.log(step=step, loss=1.0 + 0.01 * (step % 7))
        run.log(step=100, loss=float("nan"))
        wait_until(lambda: side.findings().get("nonfinite_loss"), "the finding")
        assert side.findings()["nonfinite_loss"]["opened_step"] == 100
        assert side.value(r'runvitals_fault_active\{.*fault="nonfinite_loss"') == 1.0
        assert side.value(r'runvitals_signal_samples_total\{.*signal="loss"') == 101.0
        assert side.value(r'runvitals_run_step\{.*run="my-run"') == 100.0
        assert "ready" in side.get("/-/ready").lower()


def test_a_killed_sidecar_loses_nothing_that_is_in_the_ring_and_counts_nothing_twice(tmp_path, runs):
    """SIGKILL at any moment, start again: every sample counts once, and the finding is the same one."""
    config = CONFIG + "state: {interval: 1.0}\n"
    with runvitals.watch("my-run", rank=0) as run:
        logged = 0
        identity = None
        for round_ in range(4):
            with sidecar(tmp_path, config, name=f"round{round_}") as side:
                for _ in range(150):
                    run.log(step=logged, loss=float("nan") if logged == 60 else 1.0 + 0.01 * (logged % 7))
                    logged += 1
                pattern = r'runvitals_signal_samples_total\{.*signal="loss"'
                wait_until(lambda pattern=pattern, side=side, count=logged: side.value(pattern) == count, "all samples")
                finding = side.findings()["nonfinite_loss"]
                identity = identity or finding["id"]
                assert (finding["id"], finding["opened_step"]) == (identity, 60)
                time.sleep(0.3 * round_)
                side.process.send_signal(signal.SIGKILL)
                side.process.wait()
                for _ in range(50):  # while nobody reads
                    run.log(step=logged, loss=1.0)
                    logged += 1


def test_sigterm_drains_and_ends_soon(tmp_path, runs):
    """What was logged just before is in the state that the next one shows; the exit code is 0."""
    with runvitals.watch("my-run", rank=0) as run, sidecar(tmp_path) as side:
        wait_until(lambda: side.value(r"runvitals_run_info\{.*my-run"), "the run")
        for step in range(500):
            run.log(step=step, loss=1.0)
        side.process.send_signal(signal.SIGTERM)
        assert side.process.wait(timeout=60) == 0
        assert "Traceback" not in side.log.read_text()
    [series] = checkpoint.load(tmp_path / "state" / "state.msgpack").pipeline.series
    assert (series.key.run, series.samples) == ("my-run", 500)


def test_reload_takes_a_good_config_and_refuses_a_bad_one(tmp_path, runs):
    """SIGHUP and POST /-/reload: the old config stays where the new one is wrong; series are kept throughout."""
    file = tmp_path / "runvitals.yml"
    with sidecar(tmp_path, CONFIG, "--web.enable-lifecycle") as side, runvitals.watch("my-run", rank=0) as run:
        for step in range(10):
            run.log(step=step, loss=1.0)
        samples = r'runvitals_signal_samples_total\{.*signal="loss"'
        wait_until(lambda: side.value(samples) == 10.0, "the samples")
        file.write_text(CONFIG + "series: {window: many}\n")
        with pytest.raises(urllib.error.HTTPError) as refused:
            side.get("/-/reload", "POST")
        assert "series.window" in refused.value.read().decode()
        assert side.value("runvitals_config_last_reload_successful") == 0.0
        assert "window: 256" in side.get("/config")
        file.write_text(CONFIG + "series: {window: 128}\n")
        side.process.send_signal(signal.SIGHUP)
        wait_until(lambda: side.value("runvitals_config_last_reload_successful") == 1.0, "the reload")
        assert "window: 128" in side.get("/config")
        assert side.value(samples) == 10.0


def test_what_keeps_it_from_starting_is_said_with_the_remedy(tmp_path, runs):
    """A port in use, a second sidecar on one state folder, a wrong config: each its sentence and its exit code."""
    with sidecar(tmp_path) as side:
        port = side.url.rpartition(":")[2]
        environment = {**os.environ, "RUNVITALS_STATE_DIR": str(tmp_path / "state")}
        second = refused(["--web.listen-address", "127.0.0.1:0"], environment)
        assert second.returncode == 1
        assert "another runvitals uses the state folder" in second.stderr
        environment["RUNVITALS_STATE_DIR"] = str(tmp_path / "other")
        taken = refused(["--web.listen-address", f"127.0.0.1:{port}"], environment)
        assert taken.returncode == 1
        assert "--web.listen-address" in taken.stderr
        wrong = refused(["--web.listen-address", "nonsense"], environment)
        assert wrong.returncode == 2
        assert "--web.listen-address" in wrong.stderr


def refused(arguments, environment):
    command = [sys.executable, "-m", "runvitals", "serve", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_without_any_config_it_works(tmp_path, runs):
    """Ring folders, StatsD and processes are watched by default; a StatsD port in use is a source that is down."""
    environment = {**os.environ, "RUNVITALS_STATE_DIR": str(tmp_path / "state")}
    log = tmp_path / "log"
    command = [sys.executable, "-m", "runvitals", "serve", "--web.listen-address", "127.0.0.1:0"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stderr=output, env=environment, cwd="/")
    try:
        side = Sidecar(process, log)
        wait_until(lambda: side.value(r'runvitals_source_up\{kind="process"') == 1.0, "the process source")
        assert {one for one in ("ring", "statsd", "process") if f'kind="{one}"' in side.get("/metrics")} == {
            "ring",
            "statsd",
            "process",
        }
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_the_processes_of_a_run_are_measured_without_any_config(tmp_path, runs):
    """A live ring's pid gives memory and CPU under the run's own name."""
    config = CONFIG.replace("[{kind: ring, interval: 0.1}]", "[{kind: ring}, {kind: process}]")
    with sidecar(tmp_path, config) as side, runvitals.watch("my-run", rank=0) as run:
        run.log(step=1, loss=1.0)
        measured = wait_until(lambda: side.value(r'runvitals_signal_value\{.*signal="memory_rss_bytes"'), "the memory")
        assert measured > 10e6


def test_version():
    """The command says its version."""
    done = subprocess.run([sys.executable, "-m", "runvitals", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"runvitals {runvitals.__version__}\n"
    assert Path(done.args[0]).exists()
