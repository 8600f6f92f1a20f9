"""The shell scripts refuse what they do not know, use what is there, and say plainly what cannot be had."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHELL_TOOLS = [
    "basename",
    "bash",
    "cat",
    "dirname",
    "env",
    "flock",
    "grep",
    "head",
    "ln",
    "mkdir",
    "mktemp",
    "paste",
    "rm",
    "sed",
    "sort",
    "tail",
    "tr",
]


def _run(script: Path, *arguments: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | ({} if path is None else {"PATH": path})
    command = [str(script), *map(str, arguments)]
    return subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def bare_path(tmp_path) -> Path:
    """A folder with the tools of every shell and nothing else: no apt, no Prometheus."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in SHELL_TOOLS:
        found = next(path for path in (Path("/usr/bin") / name, Path("/bin") / name) if path.exists())
        (folder / name).symlink_to(found)
    return folder


def _put_program(folder: Path, name: str, version: str) -> None:
    program = folder / name
    program.write_text(f"#!/usr/bin/env bash\necho '{name}, version {version} (branch: HEAD)'\n")
    program.chmod(0o755)


def test_programs_on_the_path_are_used(root, bare_path, tmp_path):
    """What is on the PATH and new enough is linked, also under its name in Debian; a second run changes nothing."""
    for name, version in (("prometheus", "3.1.0"), ("promtool", "3.1.0"), ("amtool", "0.28.0")):
        _put_program(bare_path, name, version)
    _put_program(bare_path, "prometheus-alertmanager", "0.28.0+ds")
    for _ in range(2):
        ended = _run(root / "deploy" / "bring_tools.sh", tmp_path / "tools", path=str(bare_path))
        assert (ended.returncode, ended.stderr) == (0, "")
    links = {link.name: link.resolve().name for link in (tmp_path / "tools" / "bin").iterdir()}
    assert links == {
        "prometheus": "prometheus",
        "promtool": "promtool",
        "alertmanager": "prometheus-alertmanager",
        "amtool": "amtool",
    }


def test_programs_that_are_too_old_are_not_used(root, bare_path, tmp_path):
    """A Prometheus that does not know our rules is as good as none: without apt, exit code 3 and the remedy."""
    for name, version in (
        ("prometheus", "2.31.2"),
        ("promtool", "2.31.2"),
        ("alertmanager", "0.28.0"),
        ("amtool", "0.28.0"),
    ):
        _put_program(bare_path, name, version)
    ended = _run(root / "deploy" / "bring_tools.sh", tmp_path / "tools", path=str(bare_path))
    assert ended.returncode == 3
    assert "apt-get is not on this machine" in ended.stderr
    assert "Remedy: put prometheus >= 2.42.0" in ended.stderr
    assert not list((tmp_path / "tools" / "bin").iterdir())


def test_links_that_lead_nowhere_are_made_anew(root, bare_path, tmp_path):
    """A program that has gone since the last run is not taken for being there."""
    (tmp_path / "tools" / "bin").mkdir(parents=True)
    (tmp_path / "tools" / "bin" / "prometheus").symlink_to("/nowhere")
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        _put_program(bare_path, name, "9.0.0")
    assert _run(root / "deploy" / "bring_tools.sh", tmp_path / "tools", path=str(bare_path)).returncode == 0
    assert (tmp_path / "tools" / "bin" / "prometheus").resolve() == bare_path / "prometheus"


def _put_browser(folder: Path, output: str) -> None:
    program = folder / "chromium"
    program.write_text(f"#!/usr/bin/env bash\necho '{output}'\n")
    program.chmod(0o755)


def test_a_browser_on_the_path_is_used_if_it_draws(root, bare_path, tmp_path):
    """It is linked; one that does not run, and cannot be replaced, is exit code 3 with the remedy."""
    script, tools = root / "deploy" / "bring_browser.sh", tmp_path / "tools"
    _put_browser(bare_path, "<html><p>drawn</p></html>")
    for _ in range(2):
        ended = _run(script, tools, path=str(bare_path))
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (tools / "bin" / "chromium").resolve() == bare_path / "chromium"
    _put_browser(bare_path, "error while loading shared libraries")
    ended = _run(script, tools, path=str(bare_path))
    assert ended.returncode == 3
    assert "Remedy" in ended.stderr
    assert not (tools / "bin" / "chromium").exists()


def test_help_describes_arguments_and_exit_codes(root):
    """`--help` prints the head of the script and nothing of its code."""
    ended = _run(root / "deploy" / "quickstart.sh", "--help")
    assert ended.returncode == 0
    assert "--once" in ended.stdout
    assert "exit codes" in ended.stdout
    assert "set -" not in ended.stdout


def test_an_unknown_argument_is_refused_before_anything_is_done(root):
    """A misspelt argument is exit code 2 and names itself."""
    ended = _run(root / "deploy" / "quickstart.sh", "--onec")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--onec" in ended.stderr


def test_a_python_that_is_not_there_is_named(root, bare_path, tmp_path):
    """Without a usable Python the script says which it looked for and what to do."""
    ended = _run(root / "deploy" / "environment.sh", tmp_path / "environment", path=str(bare_path))
    assert ended.returncode == 1
    assert "python3 is not there or older than 3.10" in ended.stderr
    assert "Remedy:" in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyPI has PyTorch for the CPU alone")
@pytest.mark.parametrize("is_there", [True, False])
def test_pytorch_with_cuda_is_never_fetched(root, tmp_path, is_there):
    """The build for the CPU comes first, and is found by what needs PyTorch; where it is not to be had, nothing is."""
    python, calls = tmp_path / "venv" / "bin" / "python", tmp_path / "calls"
    python.parent.mkdir(parents=True)
    torch = "exit 0" if is_there else "exit 1"
    python.write_text(f'#!/usr/bin/env bash\necho "$*" >>{calls}\ncase "$*" in *torch==*) {torch};; esac\n')
    python.chmod(0o755)
    done = _run(root / "deploy" / "environment.sh", tmp_path / "venv", "--editable", "test", "frameworks")
    installed = [call.split()[-1] for call in calls.read_text().splitlines() if " install " in call]
    frameworks = f"{root}[test,frameworks]"
    assert installed[0].startswith("torch==")
    assert installed[0].endswith("+cpu")
    assert (done.returncode, installed[1:]) == ((0, [frameworks]) if is_there else (1, []))
    assert is_there or "CPU's build of PyTorch could not be installed" in done.stderr
