"""DeepSpeed's own lines: `step=…, skipped=…, lr=[…]`, its throughput timer, and loss scales that are reduced."""

from __future__ import annotations

import re

from runvitals.catalogue import signals
from runvitals.sources.logfile.formats.line_format import gather
from runvitals.sources.logfile.numbers import NUMBER, to_step
from runvitals.sources.logfile.row import Rejected, Row

_STEP = re.compile(rf"\bstep=(\d+), skipped=(\d+), lr=\[({NUMBER})?", re.IGNORECASE)
_TIMER = re.compile(r"\b(?:epoch=\d+/micro_step=\d+/global_step=(\d+)|\d+/(\d+)), (?:RunningAvg)?SamplesPerSec=")
_PAIR = re.compile(rf"\b(CurrSamplesPerSec|SamplesPerSec|MemAllocated|MaxMemAllocated)=({NUMBER})", re.IGNORECASE)
_SCALE = re.compile(rf"OVERFLOW!.{{0,80}}Attempted loss scale: {NUMBER}, reducing to ({NUMBER})", re.IGNORECASE)
_NAMES = {
    "currsamplespersec": (signals.SAMPLES_PER_SECOND.name, ""),
    "samplespersec": (signals.SAMPLES_PER_SECOND.name, ""),
    "memallocated": (signals.ACCELERATOR_MEMORY.name, "GiB"),  # it divides by 1024³ and writes GB
    "maxmemallocated": (signals.PEAK_MEMORY.name, "GiB"),
}


class DeepSpeed:
    """Lines that DeepSpeed writes beside those of the trainer that uses it."""

    name = "DeepSpeed"
    words = ("skipped=", "samplespersec=", "overflow!")

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        return _step(line, rejected) or _timer(line, rejected) or _scale(line, rejected)


def _step(line: str, rejected: Rejected) -> Row | None:
    match = _STEP.search(line) if "skipped=" in line else None
    if match is None:
        return None
    pairs = [(signals.SKIPPED_STEPS.name, match[2], "")]
    if match[3]:
        pairs.append((signals.LEARNING_RATE.name, match[3], ""))
    return Row(gather(pairs, rejected), to_step(match[1]))


def _timer(line: str, rejected: Rejected) -> Row | None:
    match = _TIMER.search(line) if "SamplesPerSec=" in line else None
    if match is None:
        return None
    found = [(*_NAMES[name.lower()], number) for name, number in _PAIR.findall(line)]
    return Row(gather(((name, number, unit) for name, unit, number in found), rejected), to_step(match[1] or match[2]))


def _scale(line: str, rejected: Rejected) -> Row | None:
    match = _SCALE.search(line) if "OVERFLOW!" in line else None
    return Row(gather([(signals.LOSS_SCALE.name, match[1], "")], rejected)) if match else None
