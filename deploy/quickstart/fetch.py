"""HTTP to programs on this machine, past any proxy."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

SECONDS = 5.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NoAnswerError(Exception):
    """The program does not answer, or answers with an error."""


def text(url: str) -> str:
    """Return the body of an answer. Raises NoAnswerError where there is none, or it is not 200."""
    try:
        with _opener.open(url, timeout=SECONDS) as answer:
            body: bytes = answer.read()
    except (OSError, urllib.error.HTTPError) as error:
        raise NoAnswerError(f"{url}: {error}") from error
    return body.decode("utf-8", "replace")


def document(url: str) -> object:
    """Return the decoded JSON of an answer. Raises NoAnswerError as `text` does, and where it is no JSON."""
    body = text(url)
    try:
        return json.loads(body)
    except ValueError as error:
        raise NoAnswerError(f"{url}: {error}") from error


def answers(url: str) -> bool:
    """Tell whether the address answers with 200."""
    try:
        text(url)
    except NoAnswerError:
        return False
    return True
