"""The wheel is whole: what a user installs works in an empty folder, and the client needs nothing else."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
import zipfile

import pytest

from tests.programs import ROOT
from tests.servers import wait_until

pytestmark = pytest.mark.slow

CLIENT = """
import sys, time
before = set(sys.modules)
begin = time.perf_counter()
import runvitals
spent = time.perf_counter() - begin
with runvitals.watch("from-the-wheel") as run:
    run.log(step=1, loss=1.0)
    run.mark("phase", "two")
new = set(sys.modules) - before
foreign = sorted(name for name in new if "site-packages" in (getattr(sys.modules[name], "__file__", "") or ""))
print(f"import {spent * 1e3:.1f} ms", [name for name in foreign if name.split(".")[0] != "runvitals"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    [built] = folder.glob("*.whl")
    return built


def new_environment(folder, *packages):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)  # Debian splits ensurepip off
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *packages]
    subprocess.run(install, check=True, stdin=subprocess.DEVNULL)
    return python


def environment_of(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, "RUNVITALS_RUNS_DIR": str(tmp_path / "runs"), "RUNVITALS_STATE_DIR": str(tmp_path / "state")}


def test_the_wheel_holds_the_bundle_and_says_that_it_is_typed(wheel):
    """Every file of prometheus/, alertmanager/ and grafana/ travels, and py.typed."""
    held = set(zipfile.ZipFile(wheel).namelist())
    for room in ("prometheus", "alertmanager", "grafana"):
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and "build" not in file.parts:
                assert f"runvitals/bundle/{file.relative_to(ROOT)}" in held
    assert "runvitals/py.typed" in held
    assert not [name for name in held if name.startswith(("tests", "deploy"))]


def test_the_client_needs_nothing_but_the_standard_library(wheel, tmp_path, capsys):
    """`pip install --no-deps` is enough to log, and nothing foreign is imported."""
    (tmp_path / "runs").mkdir()
    python = new_environment(tmp_path / "venv", "--no-deps", wheel)
    done = subprocess.run(
        [python, "-c", CLIENT], cwd=tmp_path, env=environment_of(tmp_path), capture_output=True, text=True, check=True
    )
    with capsys.disabled():
        print(f"\nin a training script: {done.stdout.strip()}")
    assert done.stdout.endswith("[]\n")
    assert len(list((tmp_path / "runs").glob("*.ring"))) == 1


def test_the_sidecar_works_from_the_wheel_in_an_empty_folder(wheel, tmp_path):
    """Installed with its dependencies as a user would, it serves, checks, replays and demonstrates."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs").mkdir()
    python = new_environment(tmp_path / "venv", wheel)
    command = python.with_name("runvitals")
    environment = environment_of(tmp_path)

    def run(*arguments):
        return subprocess.run(
            [command, *arguments], cwd=tmp_path / "empty", env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run("check-config") == "the defaults are right\n"
    run("demo", "--steps", "20", "--step-seconds", "0")
    [ring] = (tmp_path / "runs").glob("*.ring")
    assert "60 samples" in run("replay", str(ring))
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [command, "serve", "--web.listen-address", "127.0.0.1:0"],
            cwd=tmp_path / "empty",
            env=environment,
            stderr=output,
        )
    try:
        served = wait_until(lambda: re.search(r"serves (http://\S+)", log.read_text()), "the address")
        with urllib.request.urlopen(served[1], timeout=30) as answer:
            assert b"runvitals_build_info" in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
    assert list((tmp_path / "empty").iterdir()) == []
