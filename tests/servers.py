"""Real servers for tests, each on a free port of the loopback address, each stopped when its `with` block ends."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.programs import find_program

LOOPBACK = "127.0.0.1"
PATIENCE = 120.0  # seconds; a busy machine is no failure
AWS_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

Json = Any  # decoded JSON: its shape is that of the program that answers
Answer = TypeVar("Answer")


def wait_until(answer: Callable[[], Answer | None], what: str, seconds: float = PATIENCE) -> Answer:
    """Ask until the answer is true, and return it. Raises AssertionError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while not (found := answer()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)
    return found


class Server(NamedTuple):
    """A running program: its address and its log."""

    url: str
    port: int
    log: Path

    def get(self, path: str, **parameters: str) -> Json:
        """Return the JSON that the server answers."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        with urllib.request.urlopen(f"{self.url}{path}{query}", timeout=30) as answer:
            return json.load(answer)

    def text(self, path: str) -> str:
        """Return the text that the server answers."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def post(self, path: str, document: Json) -> None:
        """Post JSON to the server. Raises urllib.error.HTTPError where it is refused."""
        body = json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30):
            pass


@contextmanager
def running_prometheus(config: Path, folder: Path, *flags: str) -> Iterator[Server]:
    """Run Prometheus with a config and further flags, its data in `folder`."""
    command = [
        *(str(find_program("prometheus")), f"--config.file={config}", f"--storage.tsdb.path={folder / 'prometheus'}"),
        *(f"--web.listen-address={LOOPBACK}:0", *flags),
    ]
    with _running("prometheus", command, folder) as server:
        yield server


@contextmanager
def running_alertmanager(config: Path, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run Alertmanager with a config, its data in `folder`, with test credentials for AWS."""
    program = find_program("alertmanager")
    command = [
        *(str(program), f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}"),
        *(f"--web.listen-address={LOOPBACK}:0", "--cluster.listen-address="),
    ]
    variables = {**AWS_CREDENTIALS, **(environment or {})}
    with _running("alertmanager", command, folder, variables) as server:
        yield server


@contextmanager
def _running(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    try:
        port = wait_until(lambda: _port_in(log, process), f"{name} to listen")
        server = Server(f"http://{LOOPBACK}:{port}", port, log)
        wait_until(lambda: _is_ready(server.url), f"{name} to be ready")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_in(log: Path, process: subprocess.Popen[bytes]) -> int | None:
    text = log.read_text(errors="replace")
    if process.poll() is not None:
        raise AssertionError(f"it ended by itself:\n{text}")
    found = re.search(rf'msg="Listening on" address={re.escape(LOOPBACK)}:(\d+)', text)
    return int(found[1]) if found else None


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=10):
            return True
    except OSError:
        return False


class Mail(NamedTuple):
    """An e-mail as received: when (Unix time), from and to whom by the envelope, and the message."""

    time: float
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    raw: bytes

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The plain text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    def _part(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        assert part is not None, f"the mail has no {subtype} part"
        return str(part.get_content())


class Mailbox:
    """Where a mail server puts what it receives."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[Mail] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name and signature
        """Keep the message and accept it."""
        raw = envelope.original_content or b""
        message = message_from_bytes(raw, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(Mail(time.time(), envelope.mail_from or "", tuple(envelope.rcpt_tos), message, raw))
        return "250 OK"

    def wait_for(self, subject: str, seconds: float = PATIENCE) -> Mail:
        """Return the first mail whose subject holds these words."""
        return wait_until(lambda: self._find(subject), f"a mail about {subject!r}", seconds)

    def _find(self, subject: str) -> Mail | None:
        return next((mail for mail in list(self.mails) if subject in mail.subject), None)


@contextmanager
def running_mail_server(**options: Any) -> Iterator[Mailbox]:
    """Run an SMTP server; options go to aiosmtpd's Controller."""
    mailbox = Mailbox(free_port())
    controller = Controller(mailbox, hostname=LOOPBACK, port=mailbox.port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


class Sms(NamedTuple):
    """A short message as received."""

    number: str
    text: str


class SmsInbox:
    """What an SNS server has been asked to send to telephones."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"

    def clear(self) -> None:
        """Forget all messages."""
        with urllib.request.urlopen(f"{self.url}/moto-api/reset", b"", timeout=30):
            pass

    def messages(self) -> list[Sms]:
        """Return all messages so far."""
        with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=30) as answer:
            stored = json.load(answer).get("sns", {}).get("SMS", [])
        return [Sms(message["phone_number"], message["message"]) for message in stored]

    def wait_for(self, text: str, seconds: float = PATIENCE) -> Sms:
        """Return the first message that holds this text."""
        return wait_until(lambda: self._find(text), f"an SMS about {text!r}", seconds)

    def _find(self, text: str) -> Sms | None:
        return next((message for message in self.messages() if text in message.text), None)


@contextmanager
def running_sns_server() -> Iterator[SmsInbox]:
    """Run moto's SNS server, which checks what it is sent as SNS does."""
    from moto.server import ThreadedMotoServer  # imported here: it takes a second, and few tests need it

    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    inbox = SmsInbox(server.get_host_and_port()[1])
    try:
        inbox.clear()  # what it holds belongs to the whole process
        yield inbox
    finally:
        server.stop()
        if server._server is not None:
            server._server.server_close()  # stop() leaves its socket open


@contextmanager
def serving_page(text: Callable[[], str], port: int = 0) -> Iterator[int]:
    """Serve a text at every path, made anew for each request; gives the port (0 asks for a free one)."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer((LOOPBACK, port), Page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """Return a TCP port that nobody has just now; UDP's are usually free as well."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
