"""The unit of systemd: right, confined, on loopback, and able to read the rings of every user."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runvitals.cli.config_arguments import CONFIG_FILE_VARIABLE
from runvitals.config.overlay import setting_paths, variable_of
from tests.programs import ROOT

SYSTEMD = ROOT / "deploy" / "systemd"
UNIT = SYSTEMD / "runvitals.service"
HIGHEST_EXPOSURE = 2.0
SIDECAR_GROUP = 23456
CLIENT = "import runvitals; run = runvitals.watch('of-another-user'); run.log(step=1, loss=1.0)"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to another group")


def _settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze on this machine")
    return subprocess.run(["systemd-analyze", *arguments], check=False, capture_output=True, text=True)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, of which the program is one that is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(_settings("ExecStart")[0].split()[0], sys.executable))
    return copy


def test_systemd_takes_the_unit(unit: Path) -> None:
    """`systemd-analyze verify` finds nothing to say."""
    verified = _analyze("verify", "--man=no", unit)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_unit_is_confined(unit: Path) -> None:
    """What `systemd-analyze security` says of it, from 0 (safe) to 10, stays low."""
    told = _analyze("security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", told.stdout)
    if exposure is None:
        pytest.skip(f"this systemd-analyze is too old to judge a file: {told.stderr.strip()}")
    print("\n" + "\n".join(line.rstrip() for line in told.stdout.splitlines() if line.startswith(("✗", "→"))))
    assert float(exposure[1]) <= HIGHEST_EXPOSURE


def test_it_listens_on_loopback_until_told_otherwise() -> None:
    """The address in the unit is this machine's alone; the file of the machine goes over it, and may be absent."""
    assert "RUNVITALS_WEB_LISTEN_ADDRESS=127.0.0.1:9877" in _settings("Environment")[0].split()
    assert _settings("EnvironmentFile") == ["-/etc/runvitals/runvitals.env"]
    assert not [line for line in (SYSTEMD / "runvitals.env").read_text().splitlines() if line and line[0] != "#"]


def test_the_settings_offered_are_settings() -> None:
    """Each variable in the file of settings is one that the sidecar reads."""
    known = {variable_of(path) for path in setting_paths()} | {CONFIG_FILE_VARIABLE}
    named = re.findall(r"^#(RUNVITALS_\w+)=", (SYSTEMD / "runvitals.env").read_text(), re.MULTILINE)
    assert named
    assert set(named) <= known


@needs_root
def test_the_folder_of_the_runs_is_everybodys(tmp_path: Path) -> None:
    """systemd-tmpfiles makes it: all may write, each removes only what is theirs, and the group is the sidecar's."""
    if not shutil.which("systemd-tmpfiles"):
        pytest.skip("there is no systemd-tmpfiles on this machine")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/:\n")
    (tmp_path / "etc" / "group").write_text(f"root:x:0:\nrunvitals:x:{SIDECAR_GROUP}:\n")
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={tmp_path}", SYSTEMD / "tmpfiles.conf"], check=True)
    made = (tmp_path / "run" / "runvitals").stat()
    assert (stat.S_IMODE(made.st_mode), made.st_gid) == (0o3777, SIDECAR_GROUP)


@needs_root
def test_the_sidecar_may_read_the_rings_of_others_and_nobody_else(tmp_path: Path) -> None:
    """In that folder a ring belongs to its user and the sidecar's group, which may read it; others may not."""
    tmp_path.chmod(0o755)
    runs = tmp_path / "runs"
    runs.mkdir()
    os.chown(runs, 0, SIDECAR_GROUP)
    runs.chmod(0o3777)
    environment = {"RUNVITALS_RUNS_DIR": str(runs), "PATH": os.environ["PATH"]}
    subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, os; sys.path.insert(0, sys.argv[1]); os.umask(0o022); {CLIENT}",
            ROOT / "exporter",
        ],
        check=True,
        env=environment,
        preexec_fn=lambda: (os.setgroups([]), os.setgid(34567)),
    )
    [ring] = runs.glob("*.ring")
    assert ring.stat().st_gid == SIDECAR_GROUP
    assert stat.S_IMODE(ring.stat().st_mode) == 0o640


def test_installing_into_a_folder_leaves_settings_alone(tmp_path: Path) -> None:
    """With DESTDIR the files go where systemd looks for them; settings that are there already stay."""
    for _ in range(2):
        subprocess.run([SYSTEMD / "install.sh"], check=True, env=os.environ | {"DESTDIR": str(tmp_path)})
        settings = tmp_path / "etc" / "runvitals" / "runvitals.env"
        settings.write_text("RUNVITALS_LOG_LEVEL=debug\n")
    assert settings.read_text() == "RUNVITALS_LOG_LEVEL=debug\n"
    placed = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert placed == {
        "etc/runvitals/runvitals.env",
        "etc/systemd/system/runvitals.service",
        "usr/lib/sysusers.d/runvitals.conf",
        "usr/lib/tmpfiles.d/runvitals.conf",
    }


def test_the_scripts_are_clean() -> None:
    """shellcheck has nothing to say of any script of deploy/."""
    if not shutil.which("shellcheck"):
        pytest.skip("there is no shellcheck on this machine")
    scripts = sorted([*(ROOT / "deploy").rglob("*.sh"), *(ROOT / "deploy").rglob("*.sbatch")])
    checked = subprocess.run(["shellcheck", *scripts], check=False, capture_output=True, text=True)
    assert checked.stdout == ""
