"""Catches e-mails and SMS on this machine instead of sending them: an SMTP server, and an endpoint like that of SNS.

    python deploy/catcher.py --received received.jsonl [--smtp-port 1025] [--sns-port 9911]

Everything received becomes one JSON line in the file: `time` (Unix seconds), `kind` (`email` or `sms`), `to`, `text`,
and of an e-mail `from` and `subject`. A port of 0 takes a free one. Once both listen, one JSON line on standard output
says where. Ends on SIGTERM or Ctrl-C. Like SNS it refuses a request that is not signed, a number that is not E.164 and
a message that is empty or longer than 1600 bytes; it does not verify the signature: it does not know the secret.
"""

from __future__ import annotations

import argparse
import asyncio
import email
import email.policy
import json
import re
import signal
import sys
import time
import uuid
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

LOOPBACK = "127.0.0.1"
LARGEST_MAIL = 1 << 20
LARGEST_SMS = 1600
E164 = re.compile(r"\+[1-9][0-9]{1,14}")
SNS_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


class Inbox:
    """A file of JSON lines to which everything received is appended."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def put(self, kind: str, **fields: object) -> None:
        """Append one message, with the time of its arrival."""
        self._file.write(json.dumps({"time": time.time(), "kind": kind, **fields}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class MailHandler:
    """Takes every e-mail that SMTP brings."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002 -- aiosmtpd's name and signature
        """Keep the message and accept it."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        self._inbox.put(
            "email",
            to=list(envelope.rcpt_tos),
            text="" if body is None else body.get_content(),
            subject=str(message["Subject"] or ""),
            **{"from": envelope.mail_from},
        )
        return "250 OK"


class SmsHandler:
    """Answers the one request of the SNS query API that Alertmanager makes: Publish to a phone number."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def __call__(self, request: web.Request) -> web.Response:
        """Keep the SMS, or refuse the request with the error that SNS would give."""
        fields = await request.post()
        text, number = str(fields.get("Message", "")), str(fields.get("PhoneNumber", ""))
        if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            return _refused(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        if fields.get("Action") != "Publish":
            return _refused(400, "InvalidAction", "Only Publish is understood here")
        if not E164.fullmatch(number):
            return _refused(400, "InvalidParameter", f"PhoneNumber is not E.164: {number}")
        if not 0 < len(text.encode()) <= LARGEST_SMS:
            return _refused(400, "InvalidParameter", "Message is empty or too long")
        self._inbox.put("sms", to=[number], text=text)
        return _xml(200, f"<PublishResult><MessageId>{uuid.uuid4()}</MessageId></PublishResult>", "PublishResponse")


def _refused(status: int, code: str, message: str) -> web.Response:
    sys.stderr.write(f"refused: {code}: {message}\n")
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return _xml(status, error, "ErrorResponse")


def _xml(status: int, inner: str, tag: str) -> web.Response:
    metadata = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    body = f'<{tag} xmlns="{SNS_NAMESPACE}">{inner}{metadata}</{tag}>'
    return web.Response(status=status, text=body, content_type="text/xml")


async def catch(received: Path, smtp_port: int, sns_port: int) -> None:
    """Listen on both ports until SIGTERM or Ctrl-C. Raises OSError where a port is taken."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    inbox = Inbox(received)
    handler = MailHandler(inbox)
    mail = await loop.create_server(lambda: SMTP(handler, data_size_limit=LARGEST_MAIL, loop=loop), LOOPBACK, smtp_port)
    application = web.Application(client_max_size=LARGEST_MAIL)
    application.router.add_post("/", SmsHandler(inbox))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, sns_port).start()
        _tell(smtp_port=mail.sockets[0].getsockname()[1], sns_port=runner.addresses[0][1])
        await stopped.wait()
    finally:
        mail.close()
        await runner.cleanup()
        inbox.close()


def _tell(**ports: int) -> None:
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the catcher; exit code 1 where a port is taken or the file cannot be written."""
    parser = argparse.ArgumentParser(description="Catches e-mails and SMS instead of sending them.")
    parser.add_argument(
        "--received", type=Path, required=True, help="file to append what was received to, as JSON lines"
    )
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--sns-port", type=int, default=9911)
    arguments = parser.parse_args()
    try:
        asyncio.run(catch(arguments.received, arguments.smtp_port, arguments.sns_port))
    except OSError as error:
        sys.stderr.write(f"catcher: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
