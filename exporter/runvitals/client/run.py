"""What a training script holds: a run that takes scalars and marks."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from runvitals.client.advice import Advice, AdviceReader
from runvitals.client.encoder import ScalarEncoder
from runvitals.client.fast_log import GeneralLog, can_be_made_for, make_log
from runvitals.client.names import NameTable
from runvitals.client.ring_format import EVENT, LAYERS, SCALARS, padded
from runvitals.client.ring_writer import RingWriter
from runvitals.client.steps import StepTaker

MAX_TEXT = 1000
"""Characters of a mark's text."""
MAX_KIND = 50
"""Characters of a mark's kind."""
_USES_BEFORE_FAST = 4
_MAX_FAST_LOGS = 16


class Run:
    """One rank of a run. Made by `runvitals.watch`; a context manager that closes it.

    No method raises, waits, or reads a device, whatever it is given; what cannot be taken is counted, and the counts
    reach the reader. After `close`, in a forked child, and where no ring could be made, every method does nothing.
    """

    def __init__(self, writer: RingWriter | None = None) -> None:
        self._writer = writer
        self._fast_logs_made = 0
        if writer is not None:
            self._encoder = ScalarEncoder(writer)
            self._layers = NameTable(writer, LAYERS)
            self._steps = StepTaker(writer)
            self._advice = AdviceReader(writer.path)

    @property
    def is_recording(self) -> bool:
        """False once the run is closed, in a forked child, and where no ring could be made."""
        return self._writer is not None

    def log(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        step: Any = None,
        layer: str = "",
        **scalars: Any,
    ) -> None:
        """Record scalars of a step, by keyword, as a mapping, or both; `layer` names the layer they belong to.

        Without a step the newest one given holds. Where none was ever given, steps are counted from 0: the call that
        began a step, made again, begins the next.
        """
        self._log_anything(values, step, layer, scalars)

    def mark(self, kind: str, text: str = "", *, step: Any = None) -> None:
        """Record an event: `resume`, `phase`, `evaluation`, `checkpoint`, `batch`; any other kind is a plain mark.

        The text is cut at MAX_TEXT characters. Without a step it belongs to the newest one that was logged: name the
        step of a `batch`, so that a finding can name the batch of its own step.
        """
        writer = self._writer
        if writer is None:
            return
        try:
            payload = f"{_cut(kind, MAX_KIND)}\0{_cut(text, MAX_TEXT)}".encode("utf-8", "replace")
            at = self._steps.newest if step is None else self._steps.take(step)
            writer.append(EVENT, at, len(payload), 0, padded(payload))
        except Exception:  # noqa: BLE001 - see log
            writer.skipped("internal_error")

    def count_skipped(self, reason: str, count: int = 1) -> None:
        """Count values that a hook could not take, by one of SKIP_REASONS; the counts reach the reader."""
        if self._writer is not None:
            self._writer.skipped(reason, count)

    def advice(self) -> tuple[Advice, ...]:
        """Return what is open on this run and rank, as a sidecar says that was told to (`advice: {enabled: true}`).

        Costs about as much as reading a clock. Obeyed is only what root, this process's user or the user whose number
        is in $RUNVITALS_ADVICE_UID has written. Empty where nothing is open, and where nobody says anything.
        """
        return self._advice.newest() if self._writer is not None else ()

    def close(self) -> None:
        """Say that the run has finished, and let go of its ring. May be called again."""
        self._close("finished")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close("finished" if kind is None or _is_success(error) else exception_text(kind))

    def __reduce__(self) -> tuple[type[Run], tuple[()]]:
        # A copy, for instance in a worker process, must neither fail nor write into the ring of the original.
        return (Run, ())

    def __del__(self) -> None:
        # Nobody can log to it any more, so it has ended; without a close record it would seem to have crashed. An
        # exception that nobody catches holds the run through its traceback until the interpreter's exit closes it.
        self._close("finished")

    def _close(self, text: str) -> None:
        writer, self._writer = self._writer, None
        self.__dict__.pop("log", None)
        try:
            if writer is not None:
                writer.close(text)
        except Exception:  # noqa: BLE001, S110 - see log; the lock is free when the process ends, at the latest
            pass

    def _abandon(self) -> None:
        """In a forked child: be off, and leave the ring to the parent."""
        writer, self._writer = self._writer, None
        self.__dict__.pop("log", None)
        try:
            if writer is not None:
                writer.abandon()
        except Exception:  # noqa: BLE001, S110 - another thread of the parent was writing at that moment
            pass

    def _log_anything(self, values: object, step: object, layer: object, scalars: dict[str, Any]) -> None:
        writer = self._writer
        if writer is None:
            return
        try:
            if isinstance(values, Mapping):
                scalars = {**values, **scalars}
            elif values is not None:
                writer.skipped("not_a_mapping")
            index = self._layers.index_of(layer) if layer else 0
            if isinstance(index, str):
                writer.skipped(index, len(scalars))
                return
            at = self._steps.implied((layer, *scalars)) if step is None else self._steps.take(step)
            for count, payload in self._encoder.encode(scalars):
                writer.append(SCALARS, at, count, index, payload)
            if step is not None and not layer and values is None:
                self._make_log_fast(writer)
        except Exception:  # noqa: BLE001 - nothing may raise into the user's code
            writer.skipped("internal_error")

    def _make_log_fast(self, writer: RingWriter) -> None:
        """Put a function for the names that keep coming in the place of `log`."""
        plan = self._encoder.plan
        if plan is None or plan.uses != _USES_BEFORE_FAST or self._fast_logs_made >= _MAX_FAST_LOGS:
            return
        if can_be_made_for(plan):
            self._fast_logs_made += 1
            self.__dict__["log"] = make_log(plan, writer, self._steps, _otherwise(self))


def _otherwise(run: Run) -> GeneralLog:
    """Return the general way of a run's `log` without holding the run, which must end when its user lets go of it."""
    reference = weakref.ref(run)

    def otherwise(values: object, step: object, layer: object, scalars: dict[str, Any]) -> None:
        run = reference()
        if run is not None:
            run._log_anything(values, step, layer, scalars)

    return otherwise


def _is_success(error: BaseException | None) -> bool:
    # The code may be anything, even what cannot be compared: an array, for instance.
    return isinstance(error, SystemExit) and (error.code is None or (isinstance(error.code, int) and error.code == 0))


def exception_text(kind: type[BaseException] | None) -> str:
    """Return what the close record says of a run that raised: the exception's type, never its message."""
    return f"exception:{_cut(getattr(kind, '__name__', ''), MAX_KIND)}"


def _cut(text: object, limit: int) -> str:
    return str(text)[:limit].replace("\0", " ")
