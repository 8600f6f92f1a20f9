"""TLS, bearer tokens, basic auth and settings: who asks, how the server is known, and what a config may say."""

import base64
import ssl

import pytest

from runvitals.config import ConfigError, load, to_yaml
from runvitals.sources.prometheus.settings import BasicAuthSettings, TlsSettings
from tests.certificates import Authority
from tests.sources.prometheus.page_server import NOW, make_source, serving, values

PAGE = 'vllm:num_requests_running{model_name="m"} 3\n'
UP = {"requests_running": 3, "server_up": 1}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority, and certificates of it for 127.0.0.1 and for a client."""
    made = Authority(tmp_path_factory.mktemp("ca"))
    for name in ("server", "client"):
        made.sign(name)
    return made.folder


@pytest.fixture
def tls(authority):
    """The server's side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    return context


def test_a_custom_authority(authority, tls):
    """The config's authority is believed, and the system's then not."""
    with serving(PAGE, tls) as server:
        assert values(make_source(server.url, tls=TlsSettings(ca_file=str(authority / "ca.pem"))).poll(NOW)) == UP
        stranger = make_source(server.url).poll(NOW)
        assert values(stranger) == {"server_up": 0}
        assert "TLS" in stranger.error
        assert "certificate" in stranger.error


def test_the_name_is_checked(authority, tls):
    """A certificate for another name is refused, unless the config says which name to expect, or not to look."""
    ca = str(authority / "ca.pem")
    with serving(PAGE, tls) as server:
        assert values(make_source(server.url, tls=TlsSettings(ca_file=ca, server_name="model.test")).poll(NOW)) == UP
        wrong = make_source(server.url, tls=TlsSettings(ca_file=ca, server_name="other.test")).poll(NOW)
        assert "other.test" in wrong.error
        assert values(make_source(server.url, tls=TlsSettings(insecure_skip_verify=True)).poll(NOW)) == UP


def test_a_client_certificate(authority, tls):
    """A server that wants to know the client gets its certificate."""
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority / "ca.pem")
    own = {"cert_file": str(authority / "client.pem"), "key_file": str(authority / "client.key")}
    ca = str(authority / "ca.pem")
    with serving(PAGE, tls) as server:
        assert values(make_source(server.url, tls=TlsSettings(ca_file=ca, **own)).poll(NOW)) == UP
        assert values(make_source(server.url, tls=TlsSettings(ca_file=ca)).poll(NOW)) == {"server_up": 0}


@pytest.mark.parametrize("field", ["ca_file", "cert_file"])
@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_file_that_cannot_be_used_is_named(tmp_path, field, content):
    """The server was not asked, so nothing is said of it."""
    file = tmp_path / "own.pem"
    if content:
        file.write_text(content)
    poll = make_source("https://127.0.0.1:1/metrics", tls=TlsSettings(**{field: str(file)})).poll(NOW)
    assert field in poll.error
    assert poll.items == []


def test_plain_http_is_told_from_tls():
    """A server without TLS behind an https URL is an error of TLS."""
    with serving(PAGE) as server:
        assert "TLS" in make_source(server.url.replace("http:", "https:")).poll(NOW).error


def test_a_bearer_token_is_read_anew_at_each_poll(tmp_path):
    """A token that rotates is taken up; its final line break is none of it."""
    file = tmp_path / "token"
    with serving(PAGE) as server:
        source = make_source(server.url, bearer_token_file=str(file))
        assert str(file) in source.poll(NOW).error
        for token in ("first", "second"):
            file.write_text(f"{token}\n")
            assert values(source.poll(NOW)) == UP
        assert [headers["Authorization"] for _, headers in server.asked] == ["Bearer first", "Bearer second"]
        file.write_text("a\r\nHost: elsewhere")
        assert "bearer token" in source.poll(NOW).error


def test_basic_auth(tmp_path):
    """User and password, from the config or a file."""
    file = tmp_path / "password"
    file.write_text("pä:ss\n")
    with serving(PAGE) as server:
        for auth in ({"password": "pä:ss"}, {"password_file": str(file)}):
            make_source(server.url, basic_auth=BasicAuthSettings(username="me", **auth)).poll(NOW)
        sent = [base64.b64decode(headers["Authorization"].removeprefix("Basic ")) for _, headers in server.asked]
    assert sent == ["me:pä:ss".encode()] * 2


EXAMPLE = """
sources:
- kind: prometheus
  url: http://localhost:8000/metrics
- kind: prometheus
  name: private
  url: https://models.example/metrics
  rank: replica-2
  bearer_token: abc
  tls: {ca_file: /etc/ssl/own.pem}
- kind: prometheus
  name: unknown
  url: http://localhost:9000/metrics
  run: ranker
  basic_auth: {username: me, password: abc}
  metrics:
  - {match: rank_latency_ms, type: histogram, unit: milliseconds, signal: request_seconds}
"""


def test_a_config_is_read_and_its_secrets_are_hidden(tmp_path):
    """The page of the config is for everyone."""
    (tmp_path / "c.yml").write_text(EXAMPLE)
    text = to_yaml(load(tmp_path / "c.yml"))
    assert "abc" not in text
    assert "ca_file: /etc/ssl/own.pem" in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("url: localhost:8000/metrics", "url must be like http://localhost:8000/metrics"),
        ("url: ftp://host/metrics", "url must be like"),
        ("url: 'http://host:99999/metrics'", "url cannot be read"),
        ("url: 'http://me:abc@host/metrics'", "put them into basic_auth"),
        ("url: 'http://host/a b'", "%XX"),
        ("{url: 'http://h/m', timeout: 0}", "timeout is 0.0; it must be between"),
        ("{url: 'http://h/m', rank: ''}", "rank must not be empty"),
        ("{url: 'http://h/m', bearer_token: a, bearer_token_file: b}", "give one of"),
        ("{url: 'http://h/m', tls: {key_file: k}}", "without cert_file"),
        ("{url: 'http://h/m', basic_auth: {username: u, password: a, password_file: b}}", "remove one"),
        ("{url: 'http://h/m', metrics: [{match: '(', type: gauge}]}", "no regular expression"),
        (
            "{url: 'http://h/m', metrics: [{match: a, type: gauge, unit: ms}]}",
            "unit is 'ms'; it must be one of 1",
        ),
        ("{url: 'http://h/m', metrics: [{match: a}]}", "missing required field `type`"),
        ("interval: 5", "missing required field `url`"),
    ],
)
def test_what_a_config_cannot_say_is_refused_with_the_remedy(tmp_path, line, words):
    """One mistake, one sentence; a secret is not in it."""
    inner = line if line.startswith("{") else f"{{{line}}}"
    (tmp_path / "c.yml").write_text(f"sources:\n- {{kind: prometheus, {inner[1:-1]}}}\n")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "c.yml")
    assert words in str(refused.value)
    assert "abc" not in str(refused.value)
