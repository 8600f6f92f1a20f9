"""Bringing batches that end in several threads into the order in which they began."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Result = TypeVar("Result")


class InOrder(Generic[Result]):
    """Hands on the results of executions in order; each is of one batch or of several in succession.

    Keras tells the end of an execution from any of its threads, by the number of its last batch. `take` is called with
    the first and the last batch and the result, by one thread at a time.
    """

    def __init__(self, take: Callable[[int, int, Result], None]) -> None:
        self._take = take
        self._lock = Lock()
        self._begun: deque[int] = deque()
        self._ended: dict[int, Result] = {}

    def begin(self, batch: int) -> None:
        """Note that the execution whose first batch this is begins."""
        with self._lock:
            self._begun.append(batch)

    def end(self, last_batch: int, result: Result) -> None:
        """Note the result of the execution that ends with this batch, and hand on what can be."""
        with self._lock:
            self._ended[last_batch] = result
            while self._begun and self._ended and self._is_of_first(earliest := min(self._ended)):
                self._take(self._begun.popleft(), earliest, self._ended.pop(earliest))

    def _is_of_first(self, last_batch: int) -> bool:
        return len(self._begun) == 1 or last_batch < self._begun[1]
