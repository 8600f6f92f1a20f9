"""Numbers as trainers print them: padded, with thousands commas, `nan`, with a unit behind."""

from __future__ import annotations

import re

NUMBER = (
    r"[-+]?(?:nan\b|inf(?:inity)?\b|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d.])"
    r"|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)"
)
"""A number, to be compiled with `re.IGNORECASE`."""

UNIT = r"(?:%|ms\b|us\b|s\b|[KMGT]i?B\b|TFLOPS?\b)"
"""A unit that may stand right behind a number."""

_MAX_DIGITS = 19
_DIGITS = re.compile(rf"-?[0-9]{{1,{_MAX_DIGITS}}}\Z")


def to_float(text: str) -> float:
    """Return the number that `NUMBER` has matched."""
    return float(text.replace(",", ""))


def to_step(text: str) -> int | None:
    """Return a step that is written in digits; None where it is none or larger than 64 bits hold."""
    text = text.strip()
    step = int(text) if _DIGITS.match(text) else None
    return step if step is not None and abs(step) < 2**63 else None
