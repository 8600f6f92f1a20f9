"""The pod of the training example, run by podman; and the group by which two users share the rings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.kubernetes_objects import KUBERNETES, kustomized, only, pod_template
from tests.servers import wait_until

GROUP = 10001
"""The component's `fsGroup`, and the sidecar's user."""
PAUSE = '["/opt/runvitals/bin/python", "-c", "import signal; signal.pause()"]'
PAUSE_IMAGE = "localhost/runvitals-test-pause:latest"
DEMO = ["demo", "--run", "boxed", "--step-seconds", "0.01", "--explode-after", "200", "--growth", "1.1"]
CHILD = """
import codecs, os, pathlib, sys
codecs.lookup("ascii")  # loaded by root: the other user may not be able to read Python's files
from runvitals.client.ring_creation import create_ring
user, groups, folder = int(sys.argv[1]), list(map(int, sys.argv[2].split())), pathlib.Path(sys.argv[3])
os.setgroups(groups)
os.setgid(user)
os.setuid(user)
"""
WRITE = CHILD + "create_ring('shared', '0', 1)"
READ = CHILD + "print(*(len(path.read_bytes()) for path in folder.glob('*.ring')))"


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The tests' own images and containers, and a pause image: podman's own program for it is another package."""
    module = pytest.importorskip("tests.deploy.containers", reason="the tests of the image are not here")
    module.require("buildah", "podman")
    image = module.build(module.base_image())
    container = module.buildah("from", "--pull-never", image).strip()
    volumes = [f"--volume={folder}-" for folder in ("/run/runvitals", "/var/lib/runvitals")]
    module.buildah("config", f"--entrypoint={PAUSE}", "--cmd=", *volumes, container)
    module.buildah("commit", "--quiet", "--rm", container, PAUSE_IMAGE)
    settings = tmp_path_factory.mktemp("podman") / "containers.conf"
    limits = 'default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]'
    settings.write_text(f'[engine]\ninfra_image = "{PAUSE_IMAGE}"\n[containers]\n{limits}\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(settings))
        yield module
        module.podman("rmi", "--force", PAUSE_IMAGE, image)


def _pod(image: str, port: int) -> dict[str, Any]:
    """Return the pod of the training example as podman 4.3 knows it.

    It has no native sidecars (here a container beside the other), no fsGroup (here the training's own group) and no
    network on every host, and asks /-/healthy by a curl that is not in the image. The training is the demonstration.
    """
    spec = pod_template(only(kustomized(KUBERNETES / "examples" / "training"), "Job"))["spec"]
    (sidecar,) = spec["initContainers"]
    (training,) = spec["containers"]
    left_out = {"restartPolicy", "livenessProbe", "resources", "ports"}
    sidecar = {key: value for key, value in sidecar.items() if key not in left_out}
    sidecar["env"] = [{"name": "RUNVITALS_WEB_LISTEN_ADDRESS", "value": f"127.0.0.1:{port}"}]
    rings = [mount for mount in training["volumeMounts"] if mount["name"] == "runvitals-rings"]
    training = {
        "name": training["name"],
        "args": DEMO,
        "securityContext": {"runAsUser": 12345, "runAsGroup": GROUP},
        "volumeMounts": rings,
    }
    for container in (sidecar, training):
        container.update(image=image, imagePullPolicy="Never")
    own = [volume for volume in spec["volumes"] if volume["name"].startswith("runvitals-")]
    spec = {"hostNetwork": True, "restartPolicy": "Never", "containers": [sidecar, training], "volumes": own}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "runvitals-test"}, "spec": spec}


def _findings(port: int) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/findings", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found
    except urllib.error.URLError:
        return []


@pytest.mark.slow
def test_the_sidecar_in_the_examples_pod_finds_what_is_wrong_with_the_training(containers, tmp_path):
    """With the example's own security context, mounts and volumes, and another user for the training."""
    port = containers.free_port()
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(yaml.safe_dump(_pod(containers.IMAGE, port)))
    try:
        containers.podman("kube", "play", manifest)
        found = wait_until(lambda: _findings(port), "a finding", 300)
    finally:
        containers.podman("pod", "rm", "--force", "--time=0", "runvitals-test")
    assert {finding["run"] for finding in found} == {"boxed"}


def test_two_users_share_the_rings_by_the_group_of_the_volume():
    """In a folder as the kubelet makes it for `fsGroup`, the sidecar reads the rings of any user, and others do not."""
    if os.geteuid() != 0:
        pytest.skip("only root can become two other users")
    rings = Path(tempfile.mkdtemp())
    try:
        os.chown(rings, 0, GROUP)
        rings.chmod(0o2777)
        written = _run_as(12345, f"{GROUP}", rings, WRITE)
        assert written.returncode == 0, written.stderr
        assert int(_run_as(GROUP, f"{GROUP}", rings, READ).stdout) > 0
        assert "PermissionError" in _run_as(23456, "", rings, READ).stderr
    finally:
        shutil.rmtree(rings)


def _run_as(user: int, groups: str, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(user), groups, str(folder)]
    environment = {**os.environ, "RUNVITALS_RUNS_DIR": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
