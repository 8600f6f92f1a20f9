"""The catcher takes e-mails and SMS as the real servers do, and writes them down."""

from __future__ import annotations

import json
import signal
import smtplib
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=quickstart/20260101/us-east-1/sns/aws4_request"}
PUBLISH = {"Action": "Publish", "PhoneNumber": "+12025550123", "Message": "CRITICAL run demo"}


class Catcher(NamedTuple):
    """A catcher that runs, and what it has received."""

    process: subprocess.Popen[str]
    smtp_port: int
    sns_port: int
    inbox: Path

    @property
    def received(self) -> list[dict]:
        return [json.loads(line) for line in self.inbox.read_text().splitlines()]


@pytest.fixture
def catcher(root, tmp_path):
    inbox = tmp_path / "received.jsonl"
    command = [sys.executable, root / "deploy" / "catcher.py", "--received", inbox, "--smtp-port=0", "--sns-port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield Catcher(process, **json.loads(process.stdout.readline()), inbox=inbox)
        process.kill()


def _publish(catcher: Catcher, fields: dict[str, str], headers: dict[str, str]) -> tuple[int, str]:
    address = f"http://127.0.0.1:{catcher.sns_port}/"
    request = urllib.request.Request(address, urllib.parse.urlencode(fields).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_an_email_is_written_down(catcher):
    """Sender, recipients, subject and text of an e-mail with two alternatives are kept, line ends and umlauts too."""
    message = EmailMessage()
    message["Subject"] = "[CRITICAL] größer als erlaubt"
    message["From"], message["To"] = "runvitals@example.com", "you@example.com"
    message.set_content("first line\nsecond line: 10 µs\n")
    message.add_alternative("<p>the same</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", catcher.smtp_port) as server:
        server.send_message(message)
    (received,) = catcher.received
    assert received["kind"] == "email"
    assert received["from"] == "runvitals@example.com"
    assert received["to"] == ["you@example.com"]
    assert received["subject"] == "[CRITICAL] größer als erlaubt"
    assert received["text"].splitlines() == ["first line", "second line: 10 µs"]
    assert received["time"] > 1.7e9


def test_an_sms_is_written_down(catcher):
    """A signed Publish to a number is kept and answered with a message id."""
    status, answer = _publish(catcher, PUBLISH, SIGNED)
    assert status == 200
    assert "<MessageId>" in answer
    (received,) = catcher.received
    assert (received["kind"], received["to"], received["text"]) == ("sms", ["+12025550123"], "CRITICAL run demo")


@pytest.mark.parametrize(
    ("change", "headers", "status", "code"),
    [
        ({}, {}, 403, "MissingAuthenticationToken"),
        ({"Action": "ListTopics"}, SIGNED, 400, "InvalidAction"),
        ({"PhoneNumber": "0123"}, SIGNED, 400, "InvalidParameter"),
        ({"PhoneNumber": "<b>"}, SIGNED, 400, "InvalidParameter"),
        ({"Message": ""}, SIGNED, 400, "InvalidParameter"),
        ({"Message": "ü" * 801}, SIGNED, 400, "InvalidParameter"),
    ],
)
def test_what_sns_would_refuse_is_refused(catcher, change, headers, status, code):
    """A request that the cloud would not take is not taken here either, and nothing is written down."""
    answered, body = _publish(catcher, PUBLISH | change, headers)
    assert (answered, f"<Code>{code}</Code>" in body) == (status, True)
    assert "<b>" not in body
    assert catcher.received == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(catcher, number):
    """Both signals end it with exit code 0, even while a client holds a connection."""
    with socket.create_connection(("127.0.0.1", catcher.smtp_port)):
        catcher.process.send_signal(number)
        assert catcher.process.wait(30) == 0


def test_a_taken_port_is_an_error(catcher, root, tmp_path):
    """A second catcher on the same port says so and exits with 1."""
    ports = [f"--smtp-port={catcher.smtp_port}", "--sns-port=0"]
    command = [sys.executable, root / "deploy" / "catcher.py", "--received", tmp_path / "other", *ports]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "address already in use" in ended.stderr
