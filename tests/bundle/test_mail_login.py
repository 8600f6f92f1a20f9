"""The shipped way to the mail server: STARTTLS, and a password that stands in a file of its own."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest
import yaml
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager
from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name
from tests.bundle.shipped import ALERTMANAGER_CONFIG, load
from tests.programs import ROOT, find_program
from tests.servers import LOOPBACK, running_alertmanager, running_mail_server

pytestmark = pytest.mark.slow


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the loopback address; return its file and its key's."""
    crt, key = folder / "mail.crt", folder / "mail.key"
    command = [
        *(str(find_program("openssl")), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", str(key), "-out", str(crt), "-subj", "/CN=mail", "-addext", f"subjectAltName=IP:{LOOPBACK}"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return crt, key


def with_the_shipped_login(config: Path, password: Path) -> None:
    """Put back into a copy of the config what the copy leaves out: TLS and the login, with this password file."""
    shipped, copy = load(ALERTMANAGER_CONFIG), load(config)
    assert "smtp_require_tls" not in shipped["global"], "required by default"
    del copy["global"]["smtp_require_tls"]
    copy["global"]["smtp_auth_username"] = shipped["global"]["smtp_auth_username"]
    assert "smtp_auth_password_file" in shipped["global"]
    copy["global"]["smtp_auth_password_file"] = str(password)
    config.write_text(yaml.safe_dump(copy), encoding="utf-8")


def test_the_password_comes_from_its_file_over_tls(tmp_path: Path) -> None:
    """Alertmanager upgrades the connection, logs in with the account of the config and the password of the file."""
    logins: list[tuple[bytes, bytes, bool]] = []

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        logins.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=True)

    crt, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    options = {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": authenticate,
        "auth_exclude_mechanism": ["LOGIN"],  # aiosmtpd asks "User Name" there, which Alertmanager does not understand
    }
    password = tmp_path / "password"
    password.write_text("correct horse battery staple")  # a line end would be taken for a part of it
    with running_mail_server(**options) as mailbox:
        config = write_alertmanager(ROOT, tmp_path / "alertmanager", Addresses(smtp=mailbox.port))
        with_the_shipped_login(config, password)
        with running_alertmanager(config, tmp_path, {"SSL_CERT_FILE": str(crt)}) as alertmanager:
            fault = faults.LOSS_SPIKE
            labels = {"alertname": alert_name(fault.name), "run": "llama", "rank": "0", "severity": fault.severity}
            alertmanager.post("/api/v2/alerts", [{"labels": {**labels, "fault": fault.name}, "annotations": {}}])
            assert mailbox.wait_for("llama").subject == "[WARNING] loss spike: run llama, rank 0"
    account = load(ALERTMANAGER_CONFIG)["global"]["smtp_auth_username"].encode()
    assert logins == [(account, b"correct horse battery staple", True)]
