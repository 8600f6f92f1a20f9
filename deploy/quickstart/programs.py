"""Starts each program with the shipped configuration and waits until it answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import bundle_copies, fetch, stations
from .addresses import LOOPBACK, Addresses, url
from .processes import Processes, ProgramEndedError

SECONDS_TO_START = 60.0
RUN = "demo"

SIDECAR_CONFIG = "ranks: {hold_seconds: 5}  # Prometheus asks every second, so a finding need not be held for long\n"


class Folders(NamedTuple):
    """The repository, and where the quickstart keeps data and logs."""

    repository: Path
    data: Path
    logs: Path

    @property
    def runs(self) -> Path:
        """Where trainings keep their rings."""
        return self.data / "runs"

    @property
    def tools(self) -> Path:
        """Where the programs are that bring_tools.sh has brought."""
        return self.repository / ".tools" / "bin"

    @property
    def inbox(self) -> Path:
        """What the catcher received."""
        return self.data / "received.jsonl"


def start_sidecar(processes: Processes, folders: Folders, addresses: Addresses) -> None:
    """Start `runvitals serve`, all but with its defaults. Raises ProgramEndedError if it does not come up."""
    config = folders.data / "runvitals.yml"
    config.write_text(SIDECAR_CONFIG, encoding="utf-8")
    listen = f"--web.listen-address={LOOPBACK}:{addresses.sidecar}"
    environment = {"RUNVITALS_RUNS_DIR": str(folders.runs), "RUNVITALS_STATE_DIR": str(folders.data / "state")}
    folders.runs.mkdir()
    processes.start(
        "sidecar", [sys.executable, "-m", "runvitals", "serve", f"--config.file={config}", listen], environment
    )
    _wait(processes, "sidecar", lambda: fetch.answers(f"{url(addresses.sidecar)}/-/ready"))


def start_catcher(processes: Processes, folders: Folders, addresses: Addresses) -> None:
    """Start the catcher of e-mails and SMS. Raises ProgramEndedError if it does not come up."""
    command = [sys.executable, str(folders.repository / "deploy" / "catcher.py"), "--received", str(folders.inbox)]
    ports = [f"--smtp-port={addresses.smtp}", f"--sns-port={addresses.sns}"]
    processes.start("catcher", [*command, *ports])
    _wait(processes, "catcher", lambda: processes.log("catcher").stat().st_size > 0)


def start_alertmanager(processes: Processes, folders: Folders, addresses: Addresses) -> None:
    """Start Alertmanager with the shipped routes. Raises ProgramEndedError if it does not come up."""
    folder = folders.data / "alertmanager"
    config = bundle_copies.write_alertmanager(folders.repository, folder, addresses)
    command = [
        str(folders.tools / "alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{addresses.alertmanager}",
        "--cluster.listen-address=",
    ]
    processes.start("alertmanager", command, _no_cloud_credentials(folder))
    _wait(processes, "alertmanager", lambda: fetch.answers(f"{url(addresses.alertmanager)}/-/ready"))


def start_prometheus(processes: Processes, folders: Folders, addresses: Addresses) -> None:
    """Start Prometheus with the shipped rules. Raises ProgramEndedError if it does not come up."""
    folder = folders.data / "prometheus"
    config = bundle_copies.write_prometheus(folders.repository, folder, addresses)
    command = [
        str(folders.tools / "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{addresses.prometheus}",
    ]
    processes.start("prometheus", command)
    _wait(processes, "prometheus", lambda: stations.knows_alertmanager(url(addresses.prometheus)))


def start_training(processes: Processes, folders: Folders) -> None:
    """Start the training whose learning rate is raised until its gradients explode."""
    environment = {"RUNVITALS_RUNS_DIR": str(folders.runs), "OPENBLAS_NUM_THREADS": "1"}
    processes.start("training", [sys.executable, "-m", "runvitals", "demo", "--run", RUN], environment)


def _no_cloud_credentials(folder: Path) -> dict[str, str]:
    """Return an environment in which the AWS credential chain finds a key to sign with, but never a real account."""
    nowhere = str(folder / "no-aws-profile")
    return {
        "AWS_ACCESS_KEY_ID": "quickstart",
        "AWS_SECRET_ACCESS_KEY": "quickstart",
        "AWS_SESSION_TOKEN": "",
        "AWS_PROFILE": "",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _wait(processes: Processes, name: str, is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not is_up():
        processes.check()
        if time.monotonic() > deadline:
            raise ProgramEndedError(f"{name} did not come up in {SECONDS_TO_START:.0f} s; {processes.tail(name)}")
        time.sleep(0.1)
