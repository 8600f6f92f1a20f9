"""What is asked and what is answered, apart from the library that speaks HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

TEXT = "text/plain; charset=utf-8"
YAML = TEXT  # shown by every browser, where application/yaml would be downloaded
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Request(NamedTuple):
    """A request: its method, the decoded path, and its headers by name in any case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """An answer: its status, content type, body, and headers of its own."""

    status: HTTPStatus
    content_type: str
    body: bytes
    headers: Mapping[str, str] = {}


def sentence(status: HTTPStatus, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer that is one sentence for a person."""
    return Answer(status, TEXT, f"{text}\n".encode("utf-8", "replace"), headers or {})
