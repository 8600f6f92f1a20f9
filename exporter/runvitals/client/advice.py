"""What a sidecar that may (`advice: {enabled: true}` in its config) says about this run, in a file beside the ring."""

from __future__ import annotations

import json
import math
import os
import stat
from time import monotonic
from time import time as wall
from typing import Any, NamedTuple

from runvitals.client.ring_files import SUFFIX

ADVICE_SUFFIX = ".advice"
UID_VARIABLE = "RUNVITALS_ADVICE_UID"
CHECK_SECONDS = 0.25
"""How often the file is looked at; in between, what was known is known."""
STALE_SECONDS = 60.0
"""The sidecar writes the file again and again while it lives: what is older is nobody's advice."""
MAX_BYTES = 65536
MAX_FINDINGS = 256
_MAX_TEXT = 1000


class Advice(NamedTuple):
    """An open finding of this run and rank. `confidence` is in 0..1; `id` stays the same while it is open."""

    fault: str
    severity: str
    category: str
    opened_step: int | None
    confidence: float
    first_action: str
    id: str


class UntrustedAdviceError(Exception):
    """The file is not one to obey."""


class AdviceReader:
    """Looks at the advice file of one ring; costs what reading a clock does, except when the file has changed."""

    def __init__(self, ring: str) -> None:
        self._ring = os.path.basename(ring)
        self._path = advice_path(ring)
        self._due = -math.inf
        self._stamp: tuple[int, int, int] | None = None
        self._read: tuple[Advice, ...] = ()
        self._known: tuple[Advice, ...] = ()

    def newest(self) -> tuple[Advice, ...]:
        """Return the open findings; none where there is no file, none to obey, or none that is fresh. Never raises."""
        moment = monotonic()
        if moment >= self._due:
            self._due = moment + CHECK_SECONDS
            try:
                self._known = self._look()
            except Exception:  # noqa: BLE001 - nothing may raise into the user's code, whatever stands there
                self._known, self._stamp = (), None
        return self._known

    def _look(self) -> tuple[Advice, ...]:
        status = os.stat(self._path, follow_symlinks=False)
        if not -STALE_SECONDS < wall() - status.st_mtime < STALE_SECONDS:
            return ()
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._read = _decoded(_content(self._path), self._ring)
            self._stamp = stamp
        return self._read


def advice_path(ring: str) -> str:
    """Return the path of the advice file of a ring."""
    return ring[: -len(SUFFIX)] + ADVICE_SUFFIX


def _content(path: str) -> bytes:
    """Return what stands in a file that may be obeyed. Raises UntrustedAdviceError and OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise UntrustedAdviceError("it is no file of its kind")
        if status.st_uid not in _obeyed() or status.st_mode & 0o022:
            raise UntrustedAdviceError("it belongs to somebody else, or others may write it")
        return os.read(descriptor, MAX_BYTES)
    finally:
        os.close(descriptor)


def _obeyed() -> set[int]:
    """Return whose files are obeyed: root's, this user's, and those of $RUNVITALS_ADVICE_UID."""
    chosen = os.environ.get(UID_VARIABLE, "")
    return {0, os.geteuid(), *([int(chosen)] if chosen.isascii() and chosen.isdigit() else [])}


def _decoded(content: bytes, ring: str) -> tuple[Advice, ...]:
    document = json.loads(content)
    if document["ring"] != ring:  # a file that was moved or linked here speaks of another run
        raise UntrustedAdviceError("it is about another ring")
    return tuple(_advice(one) for one in document["findings"][:MAX_FINDINGS])


def _advice(finding: dict[str, Any]) -> Advice:
    step, confidence = finding["opened_step"], float(finding["confidence"])
    if not (step is None or isinstance(step, int)):
        raise UntrustedAdviceError("a step is no number")
    texts = {
        name: str(finding[name])[:_MAX_TEXT] for name in Advice._fields if name not in ("opened_step", "confidence")
    }
    return Advice(opened_step=step, confidence=confidence, **texts)
