"""The Accept and Accept-Encoding headers: what a client would like, most wanted first (RFC 9110, section 12.5)."""

from __future__ import annotations

from typing import NamedTuple


class Choice(NamedTuple):
    """One thing a client accepts: its name in lower case, parameters, quality in 0..1, and how to write it again."""

    name: str
    parameters: dict[str, str]
    quality: float
    text: str


def choices(header: str) -> list[Choice]:
    """Return what the header accepts, best quality first; what has quality 0 is not accepted."""
    found = [_choice(part) for part in header.split(",") if part.strip()]
    return sorted((choice for choice in found if choice.quality > 0), key=lambda choice: -choice.quality)


def accepts_gzip(header: str) -> bool:
    """Say whether an Accept-Encoding header accepts gzip."""
    return any(choice.name == "gzip" for choice in choices(header))


def _choice(part: str) -> Choice:
    name, *rest = (piece.strip() for piece in part.split(";"))
    parameters = {key.strip().lower(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in rest)}
    text = ";".join([name.lower(), *(f"{key}={value}" for key, value in parameters.items() if key != "q")])
    return Choice(name.lower(), parameters, _quality(parameters.get("q", "1")), text)


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
