"""What may stand in the web settings, and what is said of what may not."""

from __future__ import annotations

import math

import msgspec
import pytest

from runvitals.exposition.settings import ListenAddress, WebSettings, parse_listen_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9877", ("", 9877)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9877", ("::1", 9877)),
        ("localhost:65535", ("localhost", 65535)),
        (" 0.0.0.0:1 ", ("0.0.0.0", 1)),
    ],
)
def test_addresses_are_understood(text: str, address: tuple[str, int]) -> None:
    """A port alone, an IPv4 address, an IPv6 address in brackets and a name."""
    assert parse_listen_address(text) == ListenAddress(*address)


@pytest.mark.parametrize("text", ["", "9877", "localhost", "::1:9877", "localhost:port", ":65536", ":-1", ":", "a:1²"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    """The sentence holds what was written and how it is written right."""
    with pytest.raises(ValueError, match='for example ":9877"') as caught:
        WebSettings(listen_address=text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("request_timeout_seconds", 0.0),
        ("request_timeout_seconds", math.nan),
        ("idle_timeout_seconds", -1.0),
        ("idle_timeout_seconds", math.inf),
        ("max_connections", 0),
        ("max_request_bytes", 10),
    ],
)
def test_impossible_limits_are_refused_by_name(name: str, value: float) -> None:
    """The sentence names the setting and what it may be."""
    with pytest.raises(ValueError, match=f"{name} is .*: it must be"):
        WebSettings(**{name: value})


@pytest.mark.parametrize("link", ["javascript:alert(1)", "wiki/runbooks", "https://a b", ""])
def test_a_link_that_is_none_is_refused(link: str) -> None:
    """What stands in a page as a link begins with http:// or https://."""
    with pytest.raises(ValueError, match="runbook_url must begin with http"):
        WebSettings(runbook_url=link)


def test_an_unknown_key_is_refused() -> None:
    """A misspelt key is an error with its name."""
    with pytest.raises(msgspec.ValidationError, match="listen_adress"):
        msgspec.convert({"listen_adress": ":1"}, WebSettings)


def test_the_defaults_are_those_of_the_documentation() -> None:
    """Port 9877 on every address, no reload over HTTP, ten seconds a request."""
    settings = WebSettings()
    assert (settings.listen_address, settings.enable_lifecycle, settings.request_timeout_seconds) == (
        ":9877",
        False,
        10,
    )
