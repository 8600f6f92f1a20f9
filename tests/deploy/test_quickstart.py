"""The quickstart tells the whole story with the real programs, and leaves nothing running behind it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

PROGRAMS = ("prometheus", "alertmanager")


@pytest.fixture
def quickstart(root, tmp_path):
    """Start the quickstart in a folder of its own; whatever is left at the end is killed by its process id."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "deploy.quickstart", "--folder", str(tmp_path), *arguments]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def with_programs(root):
    """Skip, or fail where the programs are required, unless bring_tools.sh has brought them."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=root / ".tools" / "bin") is None]
    if missing and not os.environ.get("RUNVITALS_REQUIRE_PROGRAMS"):
        pytest.skip(f"deploy/bring_tools.sh has not brought {', '.join(missing)}")
    assert not missing


def _read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"it ended without saying {words!r}:\n{''.join(lines)}")


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def _are_gone(processes: list[psutil.Process], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.usefixtures("with_programs")
def test_the_email_and_the_sms_arrive(quickstart, tmp_path: Path):
    """`--once` tells of step, z-score, probability, finding, alert, e-mail and SMS, and ends by itself with 0."""
    process = quickstart("--once")
    output = process.stdout.read()
    print(output)
    assert process.wait() == 0
    # Which of the run's critical findings speaks for the others is the diagnosis's to say: the first to open.
    fault = re.search(r"alert +(gradient_explosion|divergence) on demo", output)[1]
    for told in (
        r"training +step +\d+ +loss +\S+ +grad_norm +\S+ +z +[+-]\S+ +P\(explosion\) +\S+",
        r"FINDING +gradient_explosion on demo, rank 0, since step \d+",
        rf"scrape +{fault}",
        r"E-MAIL +to ",
        r"SMS +to \+",
        r"Seconds from the first bad step",
        r"\[RESOLVED\]",
    ):
        assert re.search(told, output), told
    received = [json.loads(line) for line in (tmp_path / "data" / "received.jsonl").read_text().splitlines()]
    step = re.search(rf"FINDING +{fault} on demo, rank 0, since step (\d+)", output)[1]
    name = fault.replace("_", " ")
    for kind in ("email", "sms"):
        texts = [f"{message.get('subject')} {message['text']}" for message in received if message["kind"] == kind]
        assert any(name in text and "demo" in text and f"step {step}" in text for text in texts), kind


def test_the_sidecar_alone_is_not_a_success(quickstart):
    """Without Prometheus the finding still opens and closes, and the exit code says that no message was sent."""
    process = quickstart("--once", "--no-alerting")
    output = process.stdout.read()
    assert process.wait() == 3
    assert "FINDING       gradient_explosion" in output
    assert "No e-mail and no SMS" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_everything_when_it_is_told_to(quickstart, number):
    """Ctrl-C and SIGTERM in the middle of the story stop every program."""
    process = quickstart("--no-alerting")
    _read_until(process, "P(explosion)")
    children = _children(process)
    process.send_signal(number)
    process.stdout.read()
    assert process.wait() == 0
    assert len(children) >= 2
    assert _are_gone(children)


def test_nothing_is_left_when_it_is_killed(quickstart):
    """Even SIGKILL leaves no program running."""
    process = quickstart("--no-alerting")
    _read_until(process, "P(explosion)")
    children = _children(process)
    process.kill()
    process.wait()
    assert len(children) >= 2
    assert _are_gone(children)


def test_two_at_once_is_refused_with_the_remedy(quickstart):
    """A second quickstart on the same folder names the first one's process and leaves it alone."""
    first = quickstart("--no-alerting", "--no-demo")
    _read_until(first, "stays up")
    second = quickstart("--no-alerting", "--no-demo")
    assert f"process {first.pid}" in second.stdout.read()
    assert second.wait() == 4
    assert first.poll() is None


def test_a_program_that_breaks_is_named(quickstart):
    """If the sidecar dies the quickstart says so, with the end of its log, and exits with 1."""
    process = quickstart("--no-alerting", "--no-demo")
    _read_until(process, "stays up")
    (sidecar,) = (child for child in _children(process) if "serve" in child.cmdline())
    sidecar.kill()
    output = process.stdout.read()
    assert process.wait() == 1
    assert "sidecar ended by itself" in output
    assert "sidecar.log" in output


def test_a_folder_of_somebody_else_is_not_emptied(quickstart, tmp_path: Path):
    """A folder that holds anything but a quickstart's files is refused, and left as it is."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work")
    process = quickstart("--no-alerting", "--no-demo")
    assert "Remedy: name a new folder" in process.stdout.read()
    assert process.wait() == 1
    assert (tmp_path / "data" / "thesis.txt").read_text() == "years of work"
