"""The fast path before HTTP servers: out of order, hanging, behind TLS and a password."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runvitals.sinks.alertmanager.fast_path import FastPath
from runvitals.sinks.alertmanager.poster import Backoff
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.sources.prometheus.settings import BasicAuthSettings, TlsSettings
from runvitals.values import Finding, Snapshot
from tests.bundle.test_mail_login import certificate
from tests.servers import LOOPBACK, wait_until
from tests.sinks.alertmanagers import Receiver, receiving
from tests.sinks.findings import finding, snapshot

pytestmark = pytest.mark.slow

QUICK = Backoff(0.02, 0.1)


class Page:
    """The newest snapshot, as a test sets it."""

    def __init__(self, *findings: Finding) -> None:
        self.newest: Snapshot | None = None
        self.show(*findings)

    def show(self, *findings: Finding) -> None:
        self.newest = snapshot(*findings)

    def __call__(self) -> Snapshot | None:
        return self.newest


@contextmanager
def posting(page: Page, *urls: str, file: Path | None = None, **settings: object) -> Iterator[FastPath]:
    path = FastPath(page, AlertmanagerSettings(urls=urls, **settings), file, QUICK)  # type: ignore[arg-type]
    path.start()
    try:
        yield path
    finally:
        path.stop(2.0)


def url(receiver: Receiver, scheme: str = "http") -> str:
    return f"{scheme}://{LOOPBACK}:{receiver.port}"


def ranks(alerts: list[dict[str, dict[str, str]]]) -> set[str]:
    return {alert["labels"]["rank"] for alert in alerts}


def test_every_alertmanager_is_told_though_one_hangs() -> None:
    """Each URL has its own thread: one that accepts and never answers delays no other, and is counted."""
    with receiving() as good, socket.create_server((LOOPBACK, 0)) as hanging:
        deaf = f"http://{LOOPBACK}:{hanging.getsockname()[1]}"
        with posting(Page(finding()), deaf, url(good), timeout=0.3) as path:
            wait_until(lambda: good.alerts, "the post")
            told = wait_until(lambda: path.view().alertmanagers[0].failures and path.view(), "the failure")
            assert [one.pending for one in told.alertmanagers] == [1, 0]
            assert "no whole answer within 0.3 s" in told.alertmanagers[0].error
            assert told.alertmanagers[1].last_success is not None


def test_an_outage_loses_nothing() -> None:
    """What opened while no Alertmanager answered is told when it does: what stands, and what has come and gone."""
    page = Page(finding(rank="1"), finding(rank="2"))
    with receiving() as receiver:
        receiver.status = 503
        with posting(page, url(receiver), resolve_after=0.0) as path:
            wait_until(lambda: receiver.attempts > 3, "some attempts")
            page.show(finding(rank="2"), finding(rank="4"))
            wait_until(lambda: path.view().alertmanagers[0].pending == 3, "the news")
            receiver.status = 200
            wait_until(lambda: path.view().alertmanagers[0].pending == 0, "the posts")
        first = [alert for alert in receiver.alerts if "endsAt" not in alert]
        assert ranks(first) == {"1", "2", "4"}
        assert ranks([alert for alert in receiver.alerts if "endsAt" in alert]) == {"1"}


def test_a_restart_in_an_outage_loses_nothing(tmp_path: Path) -> None:
    """What the first sidecar could not tell before it ended, the second does, though it is over."""
    with receiving() as receiver:
        receiver.status = 503
        with posting(Page(finding(rank="1")), url(receiver), file=tmp_path / "outbox"):
            wait_until(lambda: receiver.attempts, "an attempt")
        receiver.status = 200
        with posting(Page(), url(receiver), file=tmp_path / "outbox"):
            wait_until(lambda: ranks(receiver.alerts) == {"1"}, "the post")


def test_at_the_end_everything_active_is_told() -> None:
    """Prometheus may never scrape the last snapshot: warnings are posted too then, and what stands once more."""
    page = Page(finding(rank="1"))
    with receiving() as receiver:
        with posting(page, url(receiver)):
            wait_until(lambda: receiver.alerts, "the post")
            page.show(finding(rank="1"), finding(rank="2"), finding(rank="3", severity="warning"))
        assert ranks(receiver.posts[-1]) | ranks(receiver.posts[-2]) == {"1", "2", "3"}
        assert len([alert for alert in receiver.alerts if alert["labels"]["rank"] == "1"]) == 2


def test_an_alert_links_to_the_runbooks_of_the_config() -> None:
    """What is posted has the address that the sidecar was given."""
    with receiving() as receiver:
        settings = AlertmanagerSettings(urls=(url(receiver),))
        path = FastPath(Page(finding()), settings, None, QUICK, runbooks="https://wiki.example/vitals")
        path.start()
        wait_until(lambda: receiver.alerts, "the post")
        path.stop(2.0)
        assert receiver.alerts[0]["annotations"]["runbook_url"].startswith("https://wiki.example/vitals#Runvitals")


def test_a_warning_goes_by_prometheus_alone() -> None:
    """While the sidecar lives, only what is critical is posted."""
    page = Page(finding(severity="warning", rank="1"), finding(rank="2"))
    with receiving() as receiver, posting(page, url(receiver)):
        wait_until(lambda: receiver.alerts, "the post")
        assert ranks(receiver.alerts) == {"2"}


def test_a_thousand_ranks_are_posted_in_batches_and_what_is_refused_is_counted() -> None:
    """A body stays small; a post that Alertmanager calls wrong is not repeated for ever."""
    page = Page(*(finding(rank=str(rank)) for rank in range(1000)))
    with receiving() as receiver, posting(page, url(receiver)) as path:
        wait_until(lambda: path.view().alertmanagers[0].sent == 1000, "the posts")
        assert len(receiver.posts) == 8
        receiver.status = 400
        page.show(finding(rank="new"))
        wait_until(lambda: path.view().alertmanagers[0].refused > 1000, "the refusal")
        assert path.view().alertmanagers[0].pending == 0


def test_no_alertmanager_holds_up_the_end() -> None:
    """A sidecar that is told to stop does, though nobody answers."""
    with socket.create_server((LOOPBACK, 0)) as hanging:
        path = FastPath(
            Page(finding()), AlertmanagerSettings(urls=(f"http://{LOOPBACK}:{hanging.getsockname()[1]}",)), None
        )
        path.start()
        began = time.monotonic()
        path.stop(0.5)
        assert time.monotonic() - began < 5.0


def _tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    crt, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context, crt


def test_tls_and_a_password_from_a_file(tmp_path: Path) -> None:
    """The server is known by its authority, the sidecar by name and password; one that is not known is not told."""
    context, crt = _tls(tmp_path)
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    login = BasicAuthSettings(username="sidecar", password_file=str(password))
    with receiving(context) as receiver:
        address = url(receiver, "https")
        with posting(Page(finding()), address, basic_auth=login, tls=TlsSettings(ca_file=str(crt))):
            wait_until(lambda: receiver.alerts, "the post")
        assert set(receiver.logins) == {"sidecar:correct horse"}
        before = receiver.attempts
        with posting(Page(finding()), address, basic_auth=login) as path:
            failed = wait_until(lambda: path.view().alertmanagers[0].error, "the refusal")
        assert "certificate" in failed
        assert receiver.attempts == before


@pytest.mark.parametrize("missing", ["password_file", "ca_file"])
def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path, missing: str) -> None:
    """And read again with each attempt: whoever brings it later needs no restart."""
    file = tmp_path / missing
    settings: dict[str, Callable[[], object]] = {
        "password_file": lambda: {"basic_auth": BasicAuthSettings(username="u", password_file=str(file))},
        "ca_file": lambda: {"tls": TlsSettings(ca_file=str(file))},
    }
    with receiving() as receiver:
        address = url(receiver, "https" if missing == "ca_file" else "http")
        with posting(Page(finding()), address, **settings[missing]()) as path:  # type: ignore[arg-type]
            assert str(file) in wait_until(lambda: path.view().alertmanagers[0].error, "the error")
            if missing == "password_file":
                file.write_text("late")
                wait_until(lambda: receiver.alerts, "the post")
