"""`runvitals discover` finds what runs here, and prints a config that is right."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import yaml

import runvitals
from runvitals.cli import main
from runvitals.cli.discover import log_files, processes, servers
from runvitals.cli.discover.listing import Found, as_yaml
from runvitals.cli.discover.processes import Suspect, recognised
from runvitals.cli.discover.servers import Page
from runvitals.config import load
from runvitals.sources import SOURCES
from runvitals.sources.prometheus.engines import ENGINES

VLLM = '# HELP vllm:num_requests_running Requests.\nvllm:num_requests_running{model_name="m"} 1.0\n'


@contextmanager
def answering(body, status=200, path="/metrics"):
    """A server on loopback that gives this answer; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == path else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def running(path, *arguments):
    """A process that runs this script."""
    path.write_text("import sys, time\nprint(1, flush=True)\ntime.sleep(600)\n")
    command = [sys.executable, str(path), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def sources_of(text):
    return yaml.safe_load(text)["sources"]


def _targets(found):
    return [target for one in found for target in one.get("targets", [])]


def is_right(text, tmp_path):
    """Whether check-config takes it, as far as this version knows its kinds."""
    known = [one for one in sources_of(text) if one["kind"] in SOURCES]
    (tmp_path / "c.yml").write_text(yaml.safe_dump({"sources": known}))
    return load(tmp_path / "c.yml").sources


def test_the_config_of_this_machine_is_right(tmp_path, monkeypatch, capsys):
    """With a server, a trainer, a run and logs; it names what it found, and no word of a command line beside."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path / "runs"))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "out.log").write_text("step 1 | loss: 2.31\n")
    trainer = running(tmp_path / "train_tiny.py", "--api-key", "hush")
    with answering(VLLM) as port, trainer, runvitals.watch("known"):
        assert main(["discover", "--logs", str(tmp_path / "logs")]) == 0
    shown = capsys.readouterr().out
    assert is_right(shown, tmp_path)
    found = sources_of(shown)
    assert [one for one in found if one.get("url") == f"http://127.0.0.1:{port}/metrics"]
    assert {"run": "train_tiny", "pattern": re.escape(str(tmp_path / "train_tiny.py"))} in _targets(found)
    assert {"kind": "logfile", "path": str(tmp_path / "logs" / "out.log")} in found
    assert "1 live runs" in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("python train.py --lr 0.1", "train.py"),
        ("/usr/bin/python3.11 -u /srv/pretrain_gpt.py", "/srv/pretrain_gpt.py"),
        ("python -m torch.distributed.run --nproc 2 my_train.py", "my_train.py"),
        ("torchrun --nproc-per-node=8 finetune_lora.py", "finetune_lora.py"),
        ("python /usr/bin/torchrun job.py", "/usr/bin/torchrun"),
        ("python -m vllm.entrypoints.openai.api_server --model m", "vllm"),
        ("/opt/env/bin/python /opt/env/bin/vllm serve m", "vllm"),
        ("vllm serve m", "vllm"),
        ("python -m sglang.launch_server --model m", "sglang.launch_server"),
        ("/opt/tritonserver/bin/tritonserver --model-repository=/m", "tritonserver"),
        ("vim train.py", None),
        ("python manage.py runserver", None),
        ("python constrained.py", None),
        ("tail -f vllm.log", None),
        ("grep torchrun", None),
        ("", None),
    ],
)
def test_what_a_command_line_tells(command, word):
    """The program, its module or its script; an argument of anything else tells nothing."""
    assert recognised(command.split()) == word


@pytest.mark.parametrize("answer", [("up 1\n", 200), (VLLM, 500), ("<html>vllm:</html>", 200), ("", 200)])
def test_a_page_that_is_not_known_is_not_taken(answer):
    """Whatever else it is."""
    with answering(*answer) as port:
        assert servers._ask(port, "127.0.0.1") is None


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_server_that_the_source_knows_is_found_where_it_shows_its_metrics(engine, monkeypatch):
    """A name that it alone has is enough."""
    monkeypatch.setattr(servers, "TIMEOUT_SECONDS", 30.0)
    name = {"tfserving": ":tensorflow:x", "kserve": "request_predict_seconds"}.get(engine.name)
    name = name or next(
        name
        for name in (
            f"{prefix}{metric}" for prefix in engine.prefixes for one in engine.readings for metric in one.metrics
        )
        if re.match(engine.marks, name)
    )
    with answering(f"{name} 1\n", path=engine.path) as port:
        assert servers._ask(port, "127.0.0.1") == (f"http://127.0.0.1:{port}{engine.path}", engine.name)


def test_a_port_that_never_answers_is_left():
    """After its time; one that is closed at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        assert servers._ask(silent.getsockname()[1], "127.0.0.1") is None
        assert time.monotonic() - started >= servers.TIMEOUT_SECONDS
        port = silent.getsockname()[1]
    assert servers._ask(port, "127.0.0.1") is None


def test_a_server_is_watched_by_its_port_and_a_trainer_by_its_script(tmp_path, monkeypatch):
    """One that writes a ring is watched already."""
    monkeypatch.setenv("RUNVITALS_RUNS_DIR", str(tmp_path))
    suspects = [Suspect(2**22 + 1, "vllm"), Suspect(2**22 + 2, "my train.py")]
    [found] = processes.sources(suspects, {8000: Page("http://127.0.0.1:8000/metrics", "vLLM", 2**22 + 1)})
    assert found.settings["targets"] == [
        {"run": "vllm", "port": 8000},
        {"run": "my-train", "pattern": r"my\ train\.py"},
    ]
    assert is_right(as_yaml([found]), tmp_path)
    with runvitals.watch("known"):
        [found] = processes.sources([Suspect(os.getpid(), "train.py")], {})
    assert "targets" not in found.settings


def test_which_files_look_like_a_trainers(tmp_path):
    """By what is in them; links are not followed, and many alike are one pattern."""
    for name, content in {
        "a/run.log": "x\n" * 100_000 + "iter 5: loss nan\n",
        "a/metrics.csv": "step,train_loss,lr\n1,2,3\n",
        "a/events.out.tfevents.1.host": "",
        "a/people.csv": "name,age\n",
        "a/notes.txt": "nothing is lost here\n",
        "b[1]/1.jsonl": '{"loss": 1.0}\n',
        "b[1]/2.jsonl": '{"loss": 1.0}\n',
        "b[1]/3.jsonl": '{"loss": 1.0}\n',
        ".hidden/run.log": "loss: 1.0\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "a" / "linked.log").symlink_to(tmp_path / "a" / "run.log")
    [found] = log_files.sources(tmp_path)
    assert found.settings["path"] == [
        f"{tmp_path}/a/events.out.tfevents.1.host",
        f"{tmp_path}/a/metrics.csv",
        f"{tmp_path}/a/run.log",
        f"{tmp_path}/b[[]1]/*.jsonl",
    ]


def test_a_log_that_would_be_read_in_vain_is_named(tmp_path):
    """It looks like a trainer's, but its lines are of no known format; that of others is not remarked upon."""
    (tmp_path / "known.log").write_text("x\n" * 100_000 + "iter 5: loss 2.5, time 200.00ms\n")
    (tmp_path / "table.csv").write_text("step,train_loss\n1,2\n")
    assert "no format" not in next(log_files.sources(tmp_path)).reason
    (tmp_path / "own.log").write_text("epoch one, loss is now: 2.5\nloss: 2.5\n")
    [found] = log_files.sources(tmp_path)
    assert f"no format reads {tmp_path}/own.log: describe its lines" in found.reason


def test_foreign_words_cannot_leave_their_comment():
    """A line break in a name would be a key of the config."""
    assert sources_of(as_yaml([Found({"kind": "ring"}, "x\nweb: {}")])) == [{"kind": "ring"}]


def test_several_of_a_kind_have_names():
    """Two sources of one name would be refused."""
    found = [Found({"kind": "prometheus", "url": url}, "x") for url in ("http://a", "http://b")]
    assert [one.get("name") for one in sources_of(as_yaml(found))] == [None, "prometheus-2"]


def test_a_folder_that_is_not_there_is_an_error(capsys):
    """It says so."""
    assert main(["discover", "--no-probe", "--logs", "/nowhere"]) == 1
    assert "/nowhere is no folder" in capsys.readouterr().err
