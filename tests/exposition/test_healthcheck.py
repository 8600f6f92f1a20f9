"""The health check of a container finds the sidecar where it listens, and says so where it does not answer."""

from __future__ import annotations

import socket
from pathlib import Path

import bcrypt
import pytest
import yaml

from runvitals.config import load
from runvitals.config.overlay import Overlay, from_environment
from runvitals.exposition import healthcheck
from runvitals.exposition.healthcheck import Listener, find_listener
from runvitals.exposition.server import Server
from runvitals.exposition.settings import parse_listen_address
from tests.certificates import Authority
from tests.exposition.conftest import Serve

ADDRESSES = {"file": "127.0.0.1:1111", "variable": "127.0.0.1:2222", "flag": "127.0.0.1:3333"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Has signed the server's certificate."""
    made = Authority(tmp_path_factory.mktemp("ca"))
    made.sign("server")
    return made


def _write(path: Path, document: object) -> str:
    path.write_text(yaml.safe_dump(document))
    return str(path)


def _ask(server: Server, *, speaks_tls: bool = False) -> str:
    return healthcheck.ask(Listener(*server.address, speaks_tls), 30.0)


@pytest.mark.parametrize(
    "given", [(), ("file",), ("file", "variable"), ("variable", "flag"), ("file", "variable", "flag")]
)
def test_it_looks_where_the_sidecar_listens(given: tuple[str, ...], tmp_path: Path) -> None:
    """Of flag, variable and file the same one decides as for the sidecar; a variable may name the file."""
    environment, arguments, flags = {}, ["/opt/runvitals/bin/python", "runvitals", "serve", ""], []
    if "file" in given:
        file = _write(tmp_path / "runvitals.yml", {"web": {"listen_address": ADDRESSES["file"]}})
        environment["RUNVITALS_CONFIG_FILE"] = file
    if "variable" in given:
        environment["RUNVITALS_WEB_LISTEN_ADDRESS"] = ADDRESSES["variable"]
    if "flag" in given:
        arguments.insert(3, f"--web.listen-address={ADDRESSES['flag']}")
        flags = [Overlay("web.listen_address", ADDRESSES["flag"], "the flag")]
    config = load(tmp_path / "runvitals.yml" if "file" in given else None, [*from_environment(environment), *flags])
    host, port = parse_listen_address(config.web.listen_address)
    assert find_listener(arguments, environment) == Listener(host or "127.0.0.1", port, speaks_tls=False)


def test_an_address_without_a_port_to_ask_is_refused() -> None:
    """Where the kernel chooses the port nobody can know it beforehand, and the message says so."""
    with pytest.raises(ValueError, match="fixed port"):
        find_listener([], {"RUNVITALS_WEB_LISTEN_ADDRESS": "127.0.0.1:0"})


def test_whether_tls_is_spoken_stands_in_the_web_config(tmp_path: Path) -> None:
    """A web config with a certificate means TLS, one with users alone does not."""
    tls = {"cert_file": "server.pem", "key_file": "server.key"}
    with_tls = _write(tmp_path / "tls.yml", {"tls_server_config": tls})
    without = _write(tmp_path / "users.yml", {"basic_auth_users": {}})
    assert find_listener(["--web.config.file", with_tls], {}).speaks_tls
    assert not find_listener([], {"RUNVITALS_WEB_CONFIG_FILE": without}).speaks_tls


def test_an_answer_is_an_answer_whoever_may_read(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """A sidecar that asks for a password, a certificate, or both, is not unhealthy for that."""
    tls = {"cert_file": str(authority.folder / "server.pem"), "key_file": str(authority.folder / "server.key")}
    asked = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(authority.folder / "ca.pem")}
    users = {"basic_auth_users": {"prometheus": bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()}}
    plain = serve()
    with_users = serve(config_file=_write(tmp_path / "users.yml", users))
    with_tls = serve(config_file=_write(tmp_path / "tls.yml", {"tls_server_config": tls}))
    assert _ask(plain) == "it answers 200"
    assert _ask(with_users) == "it answers 401"
    assert _ask(with_tls, speaks_tls=True) == "it answers 200"
    for version in ("TLS12", "TLS13"):
        strict = {"tls_server_config": tls | asked | {"min_version": version, "max_version": version}}
        server = serve(config_file=_write(tmp_path / f"{version}.yml", strict))
        assert "refuses the handshake" in _ask(server, speaks_tls=True)


@pytest.mark.parametrize("listens", [True, False], ids=["silent", "absent"])
def test_no_answer_is_no_health(listens: bool, monkeypatch, capsys) -> None:
    """Where nobody listens, or nothing comes, the exit code is 1 and the line says why."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        monkeypatch.setenv("RUNVITALS_WEB_LISTEN_ADDRESS", f"127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(healthcheck, "SECONDS", 0.2)
        assert healthcheck.main() == 1
    assert "the sidecar does not answer" in capsys.readouterr().out
