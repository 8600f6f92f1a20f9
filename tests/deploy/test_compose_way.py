"""The services of compose.yaml beside one another: what the demo does wrong reaches the mail catcher.

The sidecar, the demo and `bundle` run in containers as compose.yaml says. Prometheus, Alertmanager and the mail
catcher, whose images need a registry, are this machine's programs, on the network of the sidecar's container and with
the arguments that compose.yaml gives them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import containers
from tests.deploy.containers import inspect, podman
from tests.programs import ROOT, find_program
from tests.servers import wait_until

pytestmark = pytest.mark.slow

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
QUICK = ("--step-seconds", "0.02", "--explode-after", "200")
WITH_HOSTS = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
Volumes = Mapping[str, str]


def _options(service: str, volumes: Volumes) -> list[str]:
    """Return the options of podman that say what compose.yaml says of a service, without its ports."""
    said = SERVICES[service]
    options = [f"--cap-drop={right}" for right in said["cap_drop"]]
    options += [f"--security-opt={option.removesuffix(':true')}" for option in said["security_opt"]]
    options += ["--read-only", "--read-only-tmpfs=false"] if said.get("read_only") else []
    options += [f"--tmpfs={path}" for path in said.get("tmpfs", [])]
    options += [f"--env={name}={value}" for name, value in said.get("environment", {}).items()]
    for source, _, rest in (mount.partition(":") for mount in said.get("volumes", [])):
        options.append(f"--volume={volumes.get(source) or ROOT / 'deploy' / source}:{rest}")
    return options


@pytest.fixture
def volumes() -> Iterator[Volumes]:
    """The named volumes of our own services."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(containers.volume()) for name in ("runs", "state", "bundle")}


@contextmanager
def _beside(pid: int, hosts: Path, command: list[str | Path], log: Path) -> Iterator[None]:
    """Run a program of this machine on the network of a process, with its own names of hosts."""
    entered = ["nsenter", f"--net=/proc/{pid}/ns/net", "unshare", "--mount", "sh", "-c", WITH_HOSTS, "sh", hosts]
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with log.open("w") as output:
        process = subprocess.Popen([*entered, *command], stdout=output, stderr=output, env=environment)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _arguments(service: str, places: Mapping[str, Path]) -> list[str]:
    """Return the arguments of a service, with folders of this machine in the place of those of the container."""
    given = (word.partition("=") for word in SERVICES[service]["command"])
    return [f"{flag}={_placed(value, places)}" for flag, _, value in given]


def _placed(value: str, places: Mapping[str, Path]) -> str:
    for inside, outside in places.items():
        if value == inside or value.startswith(f"{inside}/"):
            return f"{outside}{value.removeprefix(inside)}"
    return value


def _mails(received: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in received.read_text().splitlines()] if received.exists() else []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may join the network of a container")
def test_the_mail_of_the_demos_fault_arrives(image: str, volumes: Volumes, tmp_path: Path) -> None:
    """The demo's gradients explode, and the catcher has a mail that names its run."""
    if not shutil.which("nsenter"):
        pytest.skip("there is no nsenter on this machine")
    programs = {name: find_program(name) for name in ("prometheus", "alertmanager")}
    received, hosts = tmp_path / "received.jsonl", tmp_path / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *SERVICES)))
    containers.run(image, *SERVICES["bundle"]["command"], options=_options("bundle", volumes))
    bundle = Path(json.loads(podman("volume", "inspect", volumes["bundle"]))[0]["Mountpoint"])
    places = {"/bundle": bundle, "/prometheus": tmp_path / "prometheus", "/alertmanager": tmp_path / "alertmanager"}
    catcher = [sys.executable, ROOT / "deploy" / "catcher.py", "--received", received]
    with ExitStack() as stack:
        sidecar = stack.enter_context(
            containers.running(image, options=_options("sidecar", volumes), network="none"),
        )
        pid = inspect("container", sidecar)["State"]["Pid"]
        for name, program in programs.items():
            command = [program, *_arguments(name, places)]
            stack.enter_context(_beside(pid, hosts, command, tmp_path / f"{name}.log"))
        stack.enter_context(_beside(pid, hosts, catcher, tmp_path / "catcher.log"))
        stack.enter_context(
            containers.running(image, *SERVICES["demo"]["command"], *QUICK, options=_options("demo", volumes))
        )
        mails = wait_until(lambda: _mails(received), "a mail", 300)
    values = yaml.safe_load((ROOT / "deploy" / "compose" / "values.yaml").read_text())
    assert "demo" in mails[0]["subject"]
    assert mails[0]["to"] == values["alertmanager"]["email"]["to"]
