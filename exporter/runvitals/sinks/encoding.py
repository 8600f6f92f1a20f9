"""Findings and samples as the text that stands in the journal.

JSON as Python's `json` writes it: NaN and infinities by name, and whatever a name holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from runvitals.values import Finding, OnsetSample, Sample


def finding_to_text(finding: Finding) -> str:
    """Return a finding as JSON."""
    return json.dumps(msgspec.to_builtins(finding))


def finding_from_text(text: str) -> Finding:
    """Return the finding that the text tells. Raises ValueError if it is none."""
    return msgspec.convert(json.loads(text), Finding)


def onset_to_text(samples: Iterable[Sample]) -> str:
    """Return samples as JSON: a list of [time, step, signal, value]."""
    return json.dumps([OnsetSample(one.time, one.step, one.signal, one.value) for one in samples])


def onset_from_text(text: str) -> list[OnsetSample]:
    """Return the samples that the text tells. Raises ValueError if it is none."""
    data: Any = json.loads(text)
    return msgspec.convert(data, list[OnsetSample])


def storable(text: str) -> str:
    """Return text that SQLite can hold: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode()
