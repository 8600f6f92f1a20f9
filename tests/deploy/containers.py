"""Images and containers for tests: built by buildah and run by podman, in a storage of their own below .tools/.

The user's own images and containers are not touched. The base is pulled where a registry is in reach; else, as root, it
is made by debootstrap once and kept. Only what every host has is asked for: no network of its own (a container has the
host's), no service of systemd, few descriptors.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".tools" / "containers"
PULLED_BASE = "docker.io/library/python:3.12-slim"
OWN_BASE = "localhost/runvitals-test-base:bookworm"
IMAGE = "localhost/runvitals-test:latest"
HARDENED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges")
NO_SHELL = tuple(word for shell in ("dash", "bash") for word in ("--volume", f"/dev/null:/usr/bin/{shell}:ro"))
_ENVIRONMENT = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
_LIMITS = ("--ulimit=nofile=20000:20000", "--ulimit=nproc=1000:1000")


class ContainerError(Exception):
    """A program for containers that failed, with what it said."""


def require(*programs: str) -> None:
    """Skip the test, and say why, where one of the programs is not there."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not on this machine; on Debian: apt-get install buildah podman runc")


def buildah(*arguments: str | Path, timeout: float = 600) -> str:
    """Run buildah and return what it prints. Raises ContainerError."""
    return _run(["buildah", *_storage(), *arguments], timeout)


def podman(*arguments: str | Path) -> str:
    """Run podman and return what it prints. Raises ContainerError."""
    runtime = ["--runtime", "runc"] if shutil.which("runc") else []
    return _run(["podman", *_storage(), *runtime, "--cgroup-manager=cgroupfs", *arguments])


def base_image() -> str:
    """Return the name of a Debian image with Python; skip where none can be had."""
    for name in (PULLED_BASE, OWN_BASE):
        if name in _images():
            return name
    try:
        buildah("pull", "--quiet", PULLED_BASE, timeout=300)
    except (ContainerError, subprocess.TimeoutExpired):
        _make_base()
        return OWN_BASE
    return PULLED_BASE


def build(base: str) -> str:
    """Build the image from the repository, of wheels that are fetched as the lock names them; return its name."""
    wheels = _wheels(base)
    arguments = [f"--build-arg={argument}" for argument in (f"BASE={base}", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels")]
    buildah(
        *("bud", "--quiet", "--format=docker", f"--volume={wheels}:/wheels:ro", *arguments, f"--tag={IMAGE}"),
        *("--file", ROOT / "deploy" / "Dockerfile", "--ignorefile", ROOT / "deploy" / "Dockerfile.dockerignore", ROOT),
    )
    return IMAGE


@contextmanager
def running(image: str, *command: str, options: Sequence[str] = (), network: str = "host") -> Iterator[str]:
    """Run a container in the background, and remove it in the end; the value is its ID."""
    container = podman("run", "--detach", f"--network={network}", *_LIMITS, *options, image, *command).split()[-1]
    try:
        yield container
    finally:
        podman("rm", "--force", "--volumes", "--time=0", container)


def run(image: str, *command: str, options: Sequence[str] = ()) -> str:
    """Run a container to its end, and return what it prints. Raises ContainerError."""
    return podman("run", "--rm", "--network=host", *_LIMITS, *options, image, *command)


@contextmanager
def volume() -> Iterator[str]:
    """Make a volume, and remove it with all that is in it; the value is its name."""
    name = podman("volume", "create").strip()
    try:
        yield name
    finally:
        podman("volume", "rm", "--force", name)


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def inspect(kind: str, name: str) -> Any:
    """Return what podman knows of an image or a container."""
    return json.loads(podman(kind, "inspect", name))[0]


def _make_base() -> None:
    require("debootstrap")
    if os.geteuid() != 0:
        pytest.skip(f"{PULLED_BASE} cannot be pulled, and debootstrap needs root")
    packages = "--include=python3,python3-venv"
    root = FOLDER / "bookworm"
    shutil.rmtree(root, ignore_errors=True)
    try:
        _run(["debootstrap", "--variant=minbase", packages, "bookworm", root], timeout=1200)
    except ContainerError as error:
        pytest.skip(f"no base image can be had: {PULLED_BASE} cannot be pulled, and debootstrap failed: {error}")
    container = buildah("from", "scratch").strip()
    buildah("add", "--quiet", container, root, "/")
    buildah("commit", "--quiet", "--rm", container, OWN_BASE)
    shutil.rmtree(root)


def _wheels(base: str) -> Path:
    python = run(base, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
    folder = FOLDER / f"wheels-{python}"
    locks = [ROOT / "deploy" / name for name in ("requirements.lock", "build-requirements.lock")]
    for lock in locks:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--dest",
            folder,
            "--no-deps",
            "--require-hashes",
        ]
        try:
            _run([*command, "--only-binary=:all:", "--python-version", python, "--requirement", lock], timeout=600)
        except ContainerError as error:
            pytest.skip(f"the wheels of {lock.name} cannot be had: {error}")
    return folder


def _images() -> set[str]:
    listed = json.loads(buildah("images", "--json") or "[]")
    return {name for image in listed or [] for name in image.get("names") or []}


def _storage() -> list[str]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    return ["--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run")]


def _run(command: Sequence[str | Path], timeout: float = 600) -> str:
    environment = os.environ | _ENVIRONMENT
    done = subprocess.run(
        list(map(str, command)),
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise ContainerError(f"{' '.join(map(str, command))}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
