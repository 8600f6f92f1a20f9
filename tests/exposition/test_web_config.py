"""TLS, client certificates, users and headers, as a web config file says; what rotates is taken up."""

from __future__ import annotations

import asyncio
import base64
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import bcrypt
import pytest
import yaml

from runvitals.config import ConfigError, load
from runvitals.exposition.server import Server
from runvitals.exposition.web_config import Gate, WebConfigError
from runvitals.exposition.web_config.file import read_web_config
from runvitals.exposition.web_config.passwords import MAX_WAITING, Known, Passwords
from tests.certificates import Authority
from tests.exposition.conftest import Serve
from tests.exposition.requests import PATIENCE_SECONDS, ask, ask_tls
from tests.exposition.snapshots import FixedBackend, snapshot

HASHED = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Has signed a server's and two clients' certificates."""
    made = Authority(tmp_path_factory.mktemp("ca"))
    for name, dns in (("server", "server.test"), ("client", "client.test"), ("other", "other.test")):
        made.sign(name, dns)
    return made


def _web_config(folder: Path, **sections: object) -> str:
    path = folder / "web.yml"
    path.write_text(yaml.safe_dump(sections))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    return str(path)


def _tls(authority: Authority, **more: object) -> dict[str, object]:
    folder = authority.folder
    return {"cert_file": str(folder / "server.pem"), "key_file": str(folder / "server.key"), **more}


def _client(authority: Authority, certificate: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.folder / "ca.pem"))
    if certificate:
        context.load_cert_chain(authority.folder / f"{certificate}.pem", authority.folder / f"{certificate}.key")
    return context


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_pages_over_tls(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """Every page is served over TLS 1.2 and 1.3, also to a client that sends everything at once; plain HTTP is not."""
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority)))
    assert b"runvitals_build_info" in ask_tls(server, _client(authority), "/metrics").body
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = _client(authority)
        context.minimum_version = context.maximum_version = version
        assert ask_tls(server, context).status == 200
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(server, "/-/healthy")


def test_old_versions_of_tls_are_refused(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """A client that speaks nothing newer than TLS 1.1 gets no page."""
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority)))
    context = _client(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):  # noqa: PT011 - which of them depends on the client's library
        ask_tls(server, context)


def test_a_new_certificate_is_taken_up(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """A certificate that is renewed while the server runs is shown from the next connection on; a broken one is not."""
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority)))
    before = _shown(server, authority)
    authority.sign("server", "renewed.test")
    assert _shown(server, authority) != before
    renewed = _shown(server, authority)
    (authority.folder / "server.key").write_text("broken")
    assert _shown(server, authority) == renewed
    authority.sign("server", "server.test")
    assert _shown(server, authority) not in (before, renewed)


def _shown(server: Server, authority: Authority) -> bytes | None:
    plain = socket.create_connection(server.address, PATIENCE_SECONDS)
    with _client(authority).wrap_socket(plain, server_hostname="127.0.0.1") as secured:
        return secured.getpeercert(binary_form=True)


def test_clients_without_the_right_certificate_are_refused(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """A certificate is asked for, verified, and its names compared."""
    tls = _tls(
        authority,
        client_auth_type="RequireAndVerifyClientCert",
        client_ca_file=str(authority.folder / "ca.pem"),
        client_allowed_sans=["client.test"],
    )
    server = serve(config_file=_web_config(tmp_path, tls_server_config=tls))
    assert ask_tls(server, _client(authority, "client")).status == 200
    assert ask_tls(server, _client(authority, "other"), "/metrics").status == 403
    with pytest.raises(OSError):  # noqa: PT011 - which of them depends on the client's library
        ask_tls(server, _client(authority))


def test_users_and_passwords(serve: Serve, tmp_path: Path) -> None:
    """Every path asks for them; what is wrong in whatever way is refused alike."""
    server = serve(config_file=_web_config(tmp_path, basic_auth_users={"scraper": HASHED}))
    for path in ("/", "/metrics", "/findings", "/config", "/-/healthy", "/nowhere"):
        refused = ask(server, path)
        assert (refused.status, refused.headers["WWW-Authenticate"][:5]) == (401, "Basic")
        assert b"runvitals_" not in refused.body
    assert ask(server, "/metrics", headers=_basic("scraper", "right")).status == 200
    wrong = [
        _basic("scraper", "wrong"),
        _basic("nobody", "right"),
        _basic("scraper", "right" + "x" * 100),
        {"Authorization": "Basic !"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:right").decode()},
        {"Authorization": "Bearer right"},
    ]
    assert [ask(server, "/metrics", headers=headers).status for headers in wrong] == [401] * len(wrong)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /metrics HTTP/1.0\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET http://elsewhere/metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /-/../metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\nAuthorization: Basic %s\r\n\r\n",
        b"GET /-/ready HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_no_way_of_asking_goes_round_the_password(serve: Serve, tmp_path: Path, head: bytes) -> None:
    """Old and odd requests, a second header, and one behind another that may pass: 401, and nothing is done."""
    backend = FixedBackend(snapshot())
    config = _web_config(tmp_path, basic_auth_users={"scraper": HASHED})
    server = serve(backend, config_file=config, enable_lifecycle=True, idle_timeout_seconds=1.0)
    with (
        socket.create_connection(server.address, PATIENCE_SECONDS) as client,
        closing(client.makefile("rb")) as answers,
    ):
        client.sendall(head.replace(b"%s", base64.b64encode(b"scraper:right")))
        said = answers.read()
    assert b" 401 Unauthorized" in said
    assert b"runvitals_" not in said
    assert backend.reloads == 0


def test_a_password_that_is_changed_holds_at_once(serve: Serve, tmp_path: Path) -> None:
    """The old one ends with the file; a file that cannot be used changes nothing."""
    server = serve(config_file=_web_config(tmp_path, basic_auth_users={"u": HASHED}))
    assert ask(server, "/-/healthy", headers=_basic("u", "right")).status == 200
    _web_config(tmp_path, basic_auth_users={"u": bcrypt.hashpw(b"newer", bcrypt.gensalt(4)).decode()})
    assert ask(server, "/-/healthy", headers=_basic("u", "right")).status == 401
    assert ask(server, "/-/healthy", headers=_basic("u", "newer")).status == 200
    _web_config(tmp_path, basic_auth_users={"u": "newer"})
    assert ask(server, "/-/healthy", headers=_basic("u", "newer")).status == 200
    assert ask(server, "/-/healthy").status == 401


@pytest.mark.parametrize("half", ["", "http_server_config: {}\n", "# users follow\n"])
def test_a_file_that_is_half_written_opens_nothing(serve: Serve, tmp_path: Path, half: str) -> None:
    """Who writes the file anew in place empties it first: at no moment does a reader pass without a password."""
    server = serve(config_file=_web_config(tmp_path, basic_auth_users={"u": HASHED}))
    (tmp_path / "web.yml").write_text(half)
    assert ask(server, "/metrics").status == 401
    assert ask(server, "/metrics", headers=_basic("u", "right")).status == 200


def test_half_a_file_does_not_let_clients_without_certificate_in(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    """A TLS section that lacks what stood at its end protects as the whole one did."""
    clients = {
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": str(authority.folder / "ca.pem"),
        "client_allowed_sans": ["client.test"],
    }
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority, **clients)))
    _web_config(tmp_path, tls_server_config=_tls(authority))
    with pytest.raises(OSError):  # noqa: PT011 - which of them depends on the client's library
        ask_tls(server, _client(authority))
    clients.pop("client_allowed_sans")
    _web_config(tmp_path, tls_server_config=_tls(authority, **clients))
    assert ask_tls(server, _client(authority, "other")).status == 403


def test_a_connection_from_before_certificates_were_needed_ends(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    """Whoever has held one since then cannot go on with it: not without a certificate, and not for long with one."""
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority)))
    connection = http.client.HTTPSConnection(*server.address, timeout=PATIENCE_SECONDS, context=_client(authority))
    with closing(connection):
        connection.request("GET", "/-/healthy")
        answer = connection.getresponse()
        assert (answer.status, answer.headers.get("Connection"), answer.read()) == (200, None, b"The sidecar lives.\n")
        needed = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(authority.folder / "ca.pem")}
        _web_config(tmp_path, tls_server_config=_tls(authority, **needed))
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (403, "close")


def test_a_certificate_that_comes_after_the_file_that_names_it(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    """A file that names what is not there yet is taken up when it is."""
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority)))
    before = _shown(server, authority)
    moved = {"cert_file": str(tmp_path / "new.pem"), "key_file": str(tmp_path / "new.key")}
    _web_config(tmp_path, tls_server_config=moved)
    assert _shown(server, authority) == before
    authority.sign("new")
    for name in ("new.pem", "new.key"):
        (tmp_path / name).write_bytes((authority.folder / name).read_bytes())
    assert _shown(server, authority) != before


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is taken away at the worst moment is gone with the next request."""
    gate = Gate(_web_config(tmp_path, basic_auth_users={"u": HASHED, "gone": HASHED}))
    _web_config(tmp_path, basic_auth_users={"u": HASHED, "gone": HASHED, "new": HASHED})

    def read_then_changed(path: Path) -> object:
        config = read_web_config(path)
        _web_config(tmp_path, basic_auth_users={"u": HASHED})
        return config

    with monkeypatch.context() as patch:
        patch.setattr("runvitals.exposition.web_config.gate.read_web_config", read_then_changed)
        gate.refresh()
    gate.refresh()
    gate.close()
    assert set(gate.config.basic_auth_users) == {"u"}


async def _check(passwords: Passwords, users: Mapping[str, str], user: str, password: str) -> Known:
    return await passwords.check(users, _basic(user, password)["Authorization"])


def test_no_number_of_wrong_passwords_makes_a_right_one_forgotten() -> None:
    """However long somebody guesses, whoever was known before costs nothing more and never waits."""

    async def flood() -> Known:
        passwords = Passwords()
        users = {"scraper": HASHED}
        assert await _check(passwords, users, "scraper", "right") is Known.YES
        for number in range(300):
            assert await _check(passwords, users, "scraper", f"guess {number}") is Known.NO
        passwords.close()  # from now on nothing can be compared, only remembered
        return await _check(passwords, users, "scraper", "right")

    assert asyncio.run(flood()) is Known.YES


def test_an_unknown_name_takes_as_long_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of an answer does not tell which names there are, whatever the hashes cost."""
    compared = []
    monkeypatch.setattr(
        "runvitals.exposition.web_config.passwords._is_password",
        lambda _password, hashed: compared.append(hashed) or True,
    )

    async def ask_both() -> list[Known]:
        passwords = Passwords()
        known = [await _check(passwords, {"u": HASHED}, user, "x") for user in ("u", "nobody", "u\0")]
        passwords.close()
        return known

    assert asyncio.run(ask_both()) == [Known.YES, Known.NO, Known.NO]
    assert compared == [HASHED, HASHED]


def test_wrong_passwords_do_not_keep_the_scraper_out(serve: Serve, tmp_path: Path) -> None:
    """A flood of wrong passwords is cut short, and who was known before is answered meanwhile."""
    slow = bcrypt.hashpw(b"right", bcrypt.gensalt(12)).decode()
    server = serve(config_file=_web_config(tmp_path, basic_auth_users={"scraper": slow}))
    assert ask(server, "/-/healthy", headers=_basic("scraper", "right")).status == 200
    with ExitStack() as stack:
        attackers = []
        for number in range(MAX_WAITING + 10):
            attacker = http.client.HTTPConnection(*server.address, timeout=PATIENCE_SECONDS)
            stack.enter_context(closing(attacker))
            attacker.request("GET", "/metrics", headers=_basic("scraper", f"guess {number}"))
            attackers.append(attacker)
        assert ask(server, "/-/healthy", headers=_basic("scraper", "right")).status == 200
        statuses = {attacker.getresponse().status for attacker in attackers[-5:]}
    assert statuses <= {401, 503}
    assert 503 in statuses


def test_headers_of_every_answer(serve: Serve, tmp_path: Path) -> None:
    """What the file sets stands in every answer, also over what the server sends by itself."""
    headers = {"Strict-Transport-Security": "max-age=600", "X-Frame-Options": "SAMEORIGIN"}
    server = serve(config_file=_web_config(tmp_path, http_server_config={"headers": headers}))
    for path in ("/", "/nowhere"):
        answer = ask(server, path)
        assert {name: answer.headers[name] for name in headers} == headers


def test_half_handshakes_do_not_keep_the_scraper_out(serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """Connections that never speak TLS, or stop in the middle, are counted and displaced like any other."""
    server = serve(config_file=_web_config(tmp_path, tls_server_config=_tls(authority)), max_connections=8)
    with ExitStack() as stack:
        for number in range(60):
            idle = stack.enter_context(socket.create_connection(server.address, PATIENCE_SECONDS))
            if number % 3:
                idle.sendall(b"\x16\x03\x01\x02\x00" if number % 3 == 1 else b"GET / HTTP/1.1\r\n\r\n")
        assert ask_tls(server, _client(authority)).status == 200


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"basic_auth_users": {"u": "secret"}}, "'u' has no bcrypt hash: write what `htpasswd -nBC 10 u` prints"),
        ({"basic_auth_users": {"u": f"$2b$31${HASHED[7:]}"}}, "costs more than 16"),
        ({"http_server_config": {"headers": {"X-Mine": "1"}}}, "the header 'X-Mine' cannot be set"),
        ({"http_server_config": {"headers": {"X-Frame-Options": "a\r\nb: c"}}}, "line end"),
        ({"tls_server_config": {"cert_file": "c.pem"}}, "needs both cert_file and key_file"),
        ({"tls_server_config": {"cert_file": "none.pem", "key_file": "k"}}, "none.pem: No such file"),
        ({"tls_server_config": {"cert_file": "web.yml", "key_file": "none.key"}}, "none.key: No such file"),
        ({"tls_server_config": {"cert_file": "web.yml", "key_file": "web.yml"}}, "no usable PEM"),
        ({"tls_server_config": {"cert_file": "c", "key_file": "k", "min_version": "TLS10"}}, "use TLS12"),
        ({"tls_server_config": {"cert_file": "c", "key_file": "k", "client_ca_file": "a"}}, "client_auth_type"),
        ({"tls_server_config": {"cert_file": "c", "key_file": "k", "cipher_suites": ["RC4"]}}, "'RC4' is none"),
        ({"tls_server_config": {"cert_file": "c", "key_file": "k", "client_auth_type": "Maybe"}}, "Maybe"),
        ({"basic_auth": {}}, "unknown field `basic_auth`"),
        ({"http_server_config": {"headers": {"X-Frame-Options": "x" * 2**20}}}, "larger than 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_the_start(
    sections: dict[str, object], said: str, tmp_path: Path
) -> None:
    """What is wrong, where, and what to do; a hash or a password is never shown."""
    path = _web_config(tmp_path, **sections)
    with pytest.raises(WebConfigError) as refused:
        Gate(path)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    (tmp_path / "runvitals.yml").write_text(f"web: {{config_file: {path}}}")
    with pytest.raises(ConfigError, match=r"runvitals\.yml:1: "):
        load(tmp_path / "runvitals.yml")


def test_a_key_of_another_certificate(authority: Authority, tmp_path: Path) -> None:
    """The most common mistake of a rotation has a sentence of its own."""
    folder = authority.folder
    tls = {"cert_file": str(folder / "server.pem"), "key_file": str(folder / "client.key")}
    with pytest.raises(WebConfigError, match="the key is not that of the certificate"):
        Gate(_web_config(tmp_path, tls_server_config=tls))


def test_all_cipher_suites_that_are_offered_exist(authority: Authority, tmp_path: Path) -> None:
    """Go's names are those of OpenSSL's suites."""
    suites = [
        f"TLS_{exchange}_WITH_{cipher}"
        for exchange in ("ECDHE_RSA", "ECDHE_ECDSA")
        for cipher in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
    ]
    gate = Gate(_web_config(tmp_path, tls_server_config=_tls(authority, cipher_suites=suites)))
    assert gate.context is not None
    names = [cipher["name"] for cipher in gate.context.get_ciphers() if cipher["protocol"] == "TLSv1.2"]
    assert len(names) == len(suites)
