"""Megatron-LM and its family (Megatron-DeepSpeed, GPT-NeoX, NeMo's Megatron): `key: value | key: value |`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from math import isnan, nan

from runvitals.catalogue import signals
from runvitals.sources.logfile.formats.line_format import VALUE, gather
from runvitals.sources.logfile.numbers import to_step
from runvitals.sources.logfile.row import Rejected, Row

_ITERATION = re.compile(r"\biteration\s+(\d+)\s*/\s*\d+\s*\|")
_VALIDATION = re.compile(r"\b(?:validation|test) loss at iteration\s+(\d+)\b.*?\|")
_TIMES = re.compile(r"\btime \(ms\)\s*\|")
_TIMESTAMP = re.compile(r"^\s*\[[^\]]*\]\s*")
_MAX_NAME = 100
_DULL = frozenset({"consumed samples", "consumed tokens", "global batch size", "actual seqlen", "batch size"})
"""What only counts up or stays as it was configured."""


class Megatron:
    """Lines of iterations, of validation and of times.

    The loss of an iteration is printed only `if avg > 0.0`, which is false for NaN: where it is missing although
    nothing was skipped, it was not a number (bigscience-workshop/Megatron-DeepSpeed issue 396).
    """

    name = "Megatron-LM"
    words = ("iteration ", "time (ms)")

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        if "|" not in line:
            return None
        match = _ITERATION.search(line)
        if match:
            return _iteration(to_step(match[1]), gather(_pairs(line), rejected))
        match = _VALIDATION.search(line)
        if match:
            return _validation(to_step(match[1]), gather(_pairs(line[match.end() :]), rejected))
        match = _TIMES.search(line)
        return Row(gather(_times(line[match.end() :]), rejected)) if match else None


def _pairs(line: str) -> Iterator[tuple[str, str, str]]:
    for part in line.split("|"):
        name, colon, text = (_TIMESTAMP.sub("", part) if "[" in part else part).rpartition(":")
        name = _name(name) if colon else ""
        value = VALUE.match(text) if name else None
        if value:
            yield name, value[1], value[2] or ""


@lru_cache(maxsize=1024)
def _name(text: str) -> str:
    """Return the name before a colon; empty for what is none, or says nothing."""
    name = text.strip()
    return name if len(name) <= _MAX_NAME and name.lower() not in _DULL else ""


def _iteration(step: int | None, values: dict[str, float]) -> Row:
    if signals.LOSS.name not in values and _loss_was_nan(values):
        values[signals.LOSS.name] = nan
    return Row(values, step)


def _loss_was_nan(values: dict[str, float]) -> bool:
    if isnan(values.get(signals.GRAD_NORM.name, 0.0)):
        return True
    has_another = any("loss" in name.lower() and name != signals.LOSS_SCALE.name for name in values)
    return not has_another and not values.get(signals.RECENTLY_SKIPPED_STEPS.name)


def _validation(step: int | None, values: dict[str, float]) -> Row | None:
    found = next((value for name, value in values.items() if name.lower().endswith("loss value")), None)
    return None if found is None else Row({signals.EVAL_LOSS.name: found}, step)


def _times(text: str) -> Iterator[tuple[str, str, str]]:
    for name, number, _ in _pairs(text):
        key = re.sub(r"\W+", "_", name)
        yield name if signals.known(name) else "optimizer" if key == "step" else key, number, "ms"
