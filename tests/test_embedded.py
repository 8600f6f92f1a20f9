"""The exporter inside the process that it watches."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
import warnings
from pathlib import Path

import pytest

import runvitals
from runvitals import embedded
from runvitals.client.own_rings import OWN_RINGS
from runvitals.pipeline import checkpoint
from runvitals.state_folder import StateFolder, default_path
from runvitals.values import RunStatus
from tests.servers import wait_until

LOCKED = "import sys; from runvitals.client.ring_files import *; print(is_locked(open_ring(sys.argv[1])[0]))"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The folder of the rings; no other is read."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("RUNVITALS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("runvitals.sources.ring.source.reader_folders", lambda: (str(tmp_path / "runs"),))
    return tmp_path / "runs"


@pytest.fixture
def exporter(runs):
    """An exporter in this process."""
    with embedded.serve("127.0.0.1:0") as exporter:
        yield exporter


def get(exporter, path):
    host, port = exporter.address
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
        return answer.read().decode()


def metric(exporter, pattern):
    found = re.search(rf"^{pattern}\S* (\S+)$", get(exporter, "/metrics"), re.MULTILINE)
    return float(found[1]) if found else None


def is_locked(ring):
    """Whether another process finds the ring locked."""
    done = subprocess.run([sys.executable, "-c", LOCKED, str(ring)], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def ring_descriptors(folder):
    """How many descriptors of rings this process has, its maps' copies included."""
    links = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return sum(link.startswith(str(folder)) for link in links)


def test_it_watches_the_run_of_its_own_process_without_dropping_its_lock(exporter, runs):
    """A NaN becomes a finding, and a sidecar still sees a live run."""
    with runvitals.watch("own") as run:
        run.log(step=7, loss=float("nan"))
        wait_until(lambda: metric(exporter, 'runvitals_fault_active{.*fault="nonfinite_loss"') == 1.0, "the finding")
        [ring] = runs.glob("*.ring")
        assert is_locked(ring)
    [finding] = json.loads(get(exporter, "/findings"))
    assert finding["opened_step"] == 7
    wait_until(lambda: metric(exporter, 'runvitals_run_info{.*status="finished"') == 1.0, "the end")
    wait_until(lambda: not OWN_RINGS, "the descriptor to be given back")
    assert ring_descriptors(runs) == 0
    assert not is_locked(ring)


def test_the_process_itself_is_watched(exporter):
    """Signals of the process carry the name of its run."""
    with runvitals.watch("measured"):
        wait_until(lambda: metric(exporter, 'runvitals_signal_value{.*signal="memory_rss_bytes"'), "its memory")


def test_a_run_is_followed_through_one_end_and_the_next_start(exporter):
    """As a notebook's cell does that is run again and again."""
    for attempt in range(3):
        with runvitals.watch("again") as run:
            run.log(step=attempt, loss=1.0)
        wait_until(lambda step=attempt: metric(exporter, "runvitals_run_step{") == step, "the step")


def test_a_port_in_use_is_one_warning(runs):
    """The training goes on without."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.warns(RuntimeWarning, match="another program listens") as caught:
            exporter = embedded.serve(f"127.0.0.1:{taken.getsockname()[1]}")
        assert len(caught) == 1
        assert caught[0].filename == __file__
    assert exporter.address is None
    exporter.stop()


def test_a_wrong_config_is_one_warning(runs, tmp_path):
    """It says what is wrong, and where."""
    (tmp_path / "c.yml").write_text("wb: {}\n")
    with pytest.warns(RuntimeWarning, match="unknown key 'wb'"):
        assert embedded.serve("127.0.0.1:0", config_file=tmp_path / "c.yml").address is None


@pytest.mark.parametrize("arguments", [(9877,), ("nonsense",), (":0", 5), (None,)])
def test_wrong_arguments_are_one_warning(runs, arguments):
    """Whatever they are, the training goes on."""
    address, config = (*arguments, None)[:2]
    with pytest.warns(RuntimeWarning, match="no exporter runs"):
        assert not embedded.serve(address, config_file=config).is_serving


def test_a_second_call_returns_the_first_exporter(exporter):
    """A cell that is run again changes nothing; another address needs a stop before, and is told so."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert embedded.serve("127.0.0.1:0") is exporter
    with pytest.warns(RuntimeWarning, match="stop"):
        assert embedded.serve("127.0.0.1:1") is exporter


def test_it_takes_nothing_from_the_machines_sidecar(runs, tmp_path):
    """It keeps no state, so that a sidecar's folder and StatsD address stay the sidecar's."""
    folder = StateFolder(default_path(os.environ))
    with embedded.serve("127.0.0.1:0") as exporter:
        assert exporter.address is not None
        assert 'kind="statsd"' not in get(exporter, "/metrics")
    folder.close()


def test_a_failed_start_gives_the_state_folder_back(runs, tmp_path):
    """The next attempt finds it free."""
    (tmp_path / "c.yml").write_text(f"sources: []\nstate: {{directory: {tmp_path / 'own-state'}}}\n")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.warns(RuntimeWarning, match="listens"):
        embedded.serve(f"127.0.0.1:{taken.getsockname()[1]}", config_file=tmp_path / "c.yml")
    with embedded.serve("127.0.0.1:0", config_file=tmp_path / "c.yml") as exporter:
        assert exporter.address is not None


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_has_no_exporter_and_keeps_nothing_of_the_parents(exporter, runs):
    """The parent goes on; its address and its ring are free once it has stopped, though the child lives."""
    run = runvitals.watch("parent")
    until, go = os.pipe()
    child = os.fork()
    if not child:
        try:
            exporter.stop()
            ok = exporter.address is None and not OWN_RINGS and ring_descriptors(runs) == 0
            os.close(go)
            os.read(until, 1)  # until the parent lets it end
            os._exit(0 if ok else 1)
        finally:
            os._exit(2)
    run.log(step=3, loss=1.0)
    wait_until(lambda: metric(exporter, "runvitals_run_step{") == 3.0, "the parent's step")
    address = exporter.address
    run.close()
    exporter.stop()
    socket.create_server(address).close()
    os.close(go)
    os.close(until)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


SCRIPT = """
import sys, runvitals
run = runvitals.watch("short")
exporter = runvitals.embedded.serve("127.0.0.1:0", config_file=sys.argv[1])
for step in range(1000):
    run.log(step=step, loss=1.0)
"""


def test_at_the_exit_everything_logged_has_been_taken_in(runs, tmp_path):
    """Up to the last step and the run's end, with no word from the user."""
    config = f"sources: [{{kind: ring, folders: [{runs}]}}]\nstate: {{directory: {tmp_path / 'kept'}}}\n"
    (tmp_path / "c.yml").write_text(config)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path / "c.yml")]
    subprocess.run(command, check=True, env={**os.environ, "RUNVITALS_RUNS_DIR": str(runs)}, timeout=120)
    saved = checkpoint.load(tmp_path / "kept" / "state.msgpack")
    assert saved is not None
    [rank] = saved.pipeline.ranks
    assert (rank.step, rank.status) == (999, RunStatus.FINISHED)
