"""compose.yaml: nothing reachable from elsewhere, nothing secret, nothing unpinned, and what it mounts is right."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runvitals import cli
from tests.programs import ROOT, find_program

COMPOSE = ROOT / "deploy" / "compose.yaml"
DEPLOY = COMPOSE.parent
ONE_SHOT = {"bundle"}
OURS = {"sidecar", "demo", "bundle"}
Service = dict[str, Any]

DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, Service] = DOCUMENT["services"]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    """Each service in turn."""
    return SERVICES[request.param]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service `bundle` writes."""
    folder = tmp_path_factory.mktemp("bundle")
    places = {"/bundle": str(folder), "/values.yaml": str(DEPLOY / "compose" / "values.yaml")}
    assert cli.main([places.get(word, word) for word in SERVICES["bundle"]["command"]]) == 0
    return folder


def _mounts(service: Service) -> list[tuple[str, str]]:
    return [tuple(mount.split(":")[:2]) for mount in service.get("volumes", [])]


def test_ports_are_those_of_this_machine_alone(service: Service) -> None:
    """Whatever is published is published on loopback."""
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_service_has_more_rights_than_it_needs(service: Service) -> None:
    """All capabilities are dropped, none can be won; none is privileged or shares the host's namespaces."""
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices", "user"} & service.keys()


def test_images_are_pinned(service: Service) -> None:
    """Every image has a tag that names a version; our own is built, and of the project's version."""
    _, _, tag = service["image"].rpartition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)
    assert ("build" in service) == service["image"].startswith("runvitals:")


def test_everything_that_stays_has_a_health_check() -> None:
    """What serves is asked; the demo, which serves nothing, and what ends by itself are not."""
    asked = {name for name, service in SERVICES.items() if service.get("healthcheck", {}).get("test")}
    assert asked == SERVICES.keys() - ONE_SHOT - {"demo"}
    for name in asked:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD", "no shell is needed"


def test_what_is_mounted_is_there(service: Service) -> None:
    """A mount is a named volume that is declared, or a file of the repository; nothing else of the host is shown."""
    for source, _ in _mounts(service):
        assert source in DOCUMENT["volumes"] or (source.startswith("./compose/") and (DEPLOY / source).exists())


def test_sidecar_and_training_share_the_runs_alone() -> None:
    """The demo has the runs folder in common with the sidecar, and nothing more."""
    assert set(_mounts(SERVICES["sidecar"])) & set(_mounts(SERVICES["demo"])) == {("runs", "/run/runvitals")}


def test_there_is_no_secret() -> None:
    """Nothing in the files is a password, a token or a key, nor does any service need one."""
    files = [COMPOSE, *(path for path in (DEPLOY / "compose").rglob("*") if path.is_file())]
    settings = [line for file in files for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert not [line for line in settings if re.search(r"(?i)passw|secret|token|api_?key|credential", line)]


def test_the_bundle_is_filled_in_for_these_services(bundle: Path) -> None:
    """Prometheus scrapes the service and tells the service, mail goes to the service; promtool and amtool agree."""
    prometheus, alertmanager = bundle / "prometheus" / "prometheus.yml", bundle / "alertmanager" / "alertmanager.yml"
    config = yaml.safe_load(prometheus.read_text())
    named = [*config["scrape_configs"][0]["static_configs"], *config["alerting"]["alertmanagers"][0]["static_configs"]]
    mail = yaml.safe_load(alertmanager.read_text())["global"]["smtp_smarthost"]
    addresses = [*(target for targets in named for target in targets["targets"]), mail]
    assert {address.partition(":")[0] for address in addresses} == {"sidecar", "alertmanager", "mail"}
    subprocess.run([find_program("promtool"), "check", "config", prometheus], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([find_program("amtool"), "check-config", alertmanager], check=True, stdout=subprocess.DEVNULL)


def test_the_servers_read_what_the_bundle_writes(bundle: Path) -> None:
    """The paths below /bundle that the services are started with are files that the service `bundle` writes."""
    for name in ("prometheus", "alertmanager"):
        [path] = [word.partition("=")[2] for word in SERVICES[name]["command"] if word.startswith("--config.file")]
        assert (bundle / Path(path).relative_to("/bundle")).is_file()


def test_everybody_may_read_the_bundle(bundle: Path) -> None:
    """The servers run as users of their own."""
    assert all(path.stat().st_mode & 0o004 for path in bundle.rglob("*"))


def test_grafana_is_provisioned_as_shipped(bundle: Path) -> None:
    """Datasources and folder of dashboards differ from those shipped by addresses, interval and path alone."""
    shipped = ROOT / "grafana" / "provisioning"
    if not shipped.is_dir():
        pytest.skip(f"{shipped} is not there")
    for room in ("datasources", "dashboards"):
        ours = yaml.safe_load((DEPLOY / "compose" / "grafana" / room / "runvitals.yml").read_text())
        assert _without_places(ours) == _without_places(yaml.safe_load((shipped / room / "runvitals.yml").read_text()))
    interval = yaml.safe_load((DEPLOY / "compose" / "values.yaml").read_text())["prometheus"]["interval_seconds"]
    datasources = (DEPLOY / "compose" / "grafana" / "datasources" / "runvitals.yml").read_text()
    assert yaml.safe_load(datasources)["datasources"][0]["jsonData"]["timeInterval"] == f"{interval}s"
    assert list((bundle / "grafana" / "dashboards").glob("*.json"))


def _without_places(document: Any) -> Any:
    if isinstance(document, dict):
        kept = {key: value for key, value in document.items() if key not in ("url", "path", "timeInterval")}
        return {key: _without_places(value) for key, value in kept.items()}
    return [_without_places(each) for each in document] if isinstance(document, list) else document


def test_compose_itself_takes_it() -> None:
    """`docker compose config`, or podman-compose's, finds the file right and sees every service."""
    command = _compose()
    done = subprocess.run([*command, "--file", str(COMPOSE), "config"], check=True, capture_output=True, text=True)
    assert yaml.safe_load(done.stdout)["services"].keys() == SERVICES.keys()


def _compose() -> list[str]:
    if shutil.which("docker"):
        plugins = json.loads(_printed("docker", "info", "--format", "{{json .ClientInfo.Plugins}}") or "[]") or []
        if "compose" in {plugin["Name"] for plugin in plugins}:
            return ["docker", "compose"]
    if shutil.which("podman-compose") and shutil.which("podman"):
        return ["podman-compose"]
    pytest.skip("neither docker compose nor podman-compose is on this machine; pip install podman-compose brings one")


def _printed(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
