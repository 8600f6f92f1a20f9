"""Ports are free ones, as near to the usual ones as can be."""

from __future__ import annotations

import socket

import pytest

from deploy.quickstart import addresses


@pytest.fixture
def taken():
    """A port that somebody listens on, with a free one above it most of the time."""
    with socket.socket() as listener:
        listener.bind((addresses.LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_gives_the_next_free_one(taken):
    """A port that is in use is passed over for one a little above it."""
    chosen = addresses.choose(addresses.Addresses(sidecar=taken))
    assert taken < chosen.sidecar < taken + addresses.TRIES


def test_no_two_programs_share_a_port(taken):
    """Programs whose usual ports lie side by side do not take each other's."""
    chosen = addresses.choose(addresses.Addresses(*range(taken, taken + 5)))
    assert len(set(chosen)) == 5


def test_a_port_is_free_again_after_use(taken):
    """A port somebody listened on a moment ago is not passed over: two quickstarts in a row get the same ports."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        listener.bind((addresses.LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        client = socket.create_connection((addresses.LOOPBACK, port))
        served, _ = listener.accept()
        served.close()  # the side that closes first is left in TIME_WAIT
        client.close()
    assert addresses.choose(addresses.Addresses(sidecar=port, prometheus=taken)).sidecar == port


def test_it_is_said_when_no_port_is_free(monkeypatch, taken):
    """Where every port of the range is in use the error names the range."""
    monkeypatch.setattr(addresses, "TRIES", 1)
    with pytest.raises(OSError, match=f"no port from {taken} to {taken}"):
        addresses.choose(addresses.Addresses(sidecar=taken))
