"""The image: small, without privileges, and whole: a sidecar in it sees a run in another container."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request

import pytest

from tests.deploy import containers
from tests.deploy.containers import HARDENED, NO_SHELL, ROOT, ContainerError, free_port, inspect, podman, running
from tests.servers import wait_until

pytestmark = pytest.mark.slow

LARGEST_MEGABYTES = 150
LONGEST_STOP_SECONDS = 2.0
SIDECAR_USER = 10001
STATUS = "print(open('/proc/self/status').read())"
INSTALLED = "from importlib import metadata as m; print(*(f'{d.name.lower()}=={d.version}' for d in m.distributions()))"
WRITE = "open('/opt/runvitals/new', 'w')"


def _python(container: str, code: str) -> str:
    return podman("exec", container, "/opt/runvitals/bin/python", "-c", code)


def _findings(port: int) -> list[dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/findings", timeout=30) as answer:
            return json.load(answer)
    except urllib.error.URLError:
        return []


def _is_healthy(container: str) -> bool:
    try:
        podman("healthcheck", "run", container)
    except ContainerError:
        return False
    return True


def test_it_is_small(base: str, image: str) -> None:
    """What the image puts on top of its base stays below 150 MB."""
    sizes = {name: inspect("image", name)["Size"] / 1e6 for name in (base, image)}
    print(f"\n{sizes[image]:.0f} MB, of which {sizes[image] - sizes[base]:.0f} MB on top of {base}")
    assert sizes[image] - sizes[base] < LARGEST_MEGABYTES


def test_it_says_what_it_is(image: str) -> None:
    """Labels name source, license and the version that is in it; the user is a number; no shell starts anything."""
    known = inspect("image", image)
    config = known["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    printed = containers.run(image, "--version").split()
    assert printed == ["runvitals", labels["version"]]
    assert labels["licenses"] == "Apache-2.0"
    assert labels["source"].startswith("https://")
    assert config["User"] == f"{SIDECAR_USER}:{SIDECAR_USER}"
    assert config["Entrypoint"] == ["/opt/runvitals/bin/runvitals"]
    assert (known.get("HealthCheck") or known["Healthcheck"])["Test"][0] == "CMD"


def test_nothing_in_it_installs(image: str) -> None:
    """The environment of the sidecar has all that the lock names for this Python, bcrypt too, and no pip."""
    found = containers.run(image, "-c", INSTALLED, options=["--entrypoint", "/opt/runvitals/bin/python"]).split()
    names = {line.partition("==")[0].replace("_", "-") for line in found}
    assert {"runvitals", "bcrypt", "numpy", "aiohttp"} <= names
    assert "pip" not in names
    locked = set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / "deploy" / "requirements.lock").read_text(), re.MULTILINE))
    assert {line.replace("_", "-") for line in found if not line.startswith("runvitals==")} <= locked


def test_the_finding_on_a_run_in_another_container_appears(image: str) -> None:
    """With nothing but the runs folder in common, and all rights taken from both, the sidecar finds what is wrong.

    The run belongs to a user of another number, in no group of the sidecar's.
    """
    port = free_port()
    listening = f"RUNVITALS_WEB_LISTEN_ADDRESS=127.0.0.1:{port}"
    demo = ("demo", "--run", "boxed", "--step-seconds", "0.01", "--explode-after", "200", "--growth", "1.1")
    with containers.volume() as runs, containers.volume() as state:
        shared = ["--volume", f"{runs}:/run/runvitals"]
        kept = ["--volume", f"{state}:/var/lib/runvitals"]
        with (
            running(image, options=[*HARDENED, *NO_SHELL, *shared, *kept, "--env", listening]) as sidecar,
            running(image, *demo, options=[*HARDENED, *NO_SHELL, *shared, "--user=12345:12345"]),
        ):
            found = wait_until(lambda: _findings(port), "a finding", 300)
            assert {finding["run"] for finding in found} == {"boxed"}
            assert _is_healthy(sidecar)
            _assert_without_rights(sidecar)
            seconds = _stop(sidecar, port)
            assert inspect("container", sidecar)["State"]["ExitCode"] == 0
        told = containers.run(image, "incidents", "list", options=[*HARDENED, *kept])
        saved = containers.run(
            image,
            *("-c", "import os; print(os.listdir('/var/lib/runvitals'))"),
            options=[*kept, "--entrypoint", "/opt/runvitals/bin/python"],
        )
    print(f"\nstopped after {seconds:.2f} s")
    assert seconds < LONGEST_STOP_SECONDS
    assert found[0]["fault"] in told
    assert "state.msgpack" in saved


def test_the_health_check_asks_where_the_sidecar_listens(image: str) -> None:
    """Also where a flag says so; before the sidecar listens, or where it is gone, it is not healthy."""
    flag = f"--web.listen-address=127.0.0.1:{free_port()}"
    with running(image, "serve", flag, options=HARDENED) as sidecar:
        wait_until(lambda: _is_healthy(sidecar), "a healthy container")
    with running(
        image, "demo", "--healthy", options=[*HARDENED, "--env=RUNVITALS_WEB_LISTEN_ADDRESS=127.0.0.1:1"]
    ) as other:
        assert not _is_healthy(other)


def _assert_without_rights(container: str) -> None:
    status = dict(line.split(":\t", 1) for line in _python(container, STATUS).splitlines() if ":\t" in line)
    assert status["Uid"].split() == [str(SIDECAR_USER)] * 4
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    with pytest.raises(ContainerError) as refused:
        _python(container, WRITE)
    assert "Read-only file system" in str(refused.value)
    with pytest.raises(ContainerError):
        podman("exec", container, "sh", "-c", "true")


def _stop(container: str, port: int) -> float:
    """Return the seconds that stopping took; on a machine that was busy with something else, at another attempt."""
    for attempt in range(5):
        if attempt:
            podman("start", container)
            wait_until(lambda: _findings(port), "the finding after a restart")
        begin = time.monotonic()
        podman("stop", "--time=60", container)
        seconds = time.monotonic() - begin
        if seconds < LONGEST_STOP_SECONDS:
            break
    return seconds
