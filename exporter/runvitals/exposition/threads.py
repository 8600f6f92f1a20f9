"""Work that takes a while, kept off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a daemon thread and return what it returns or raise what it raises.

    Unlike in an executor, work that never ends keeps neither the loop nor the interpreter from stopping.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle = partial(outcome.set_result, work())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the work is awaited
            settle = partial(outcome.set_exception, error)
        _report(loop, outcome, settle)

    threading.Thread(target=run, name="runvitals-web-work", daemon=True).start()
    return await outcome


def _report(loop: asyncio.AbstractEventLoop, outcome: asyncio.Future[T], settle: Callable[[], None]) -> None:
    def settle_if_awaited() -> None:
        if not outcome.done():
            settle()

    with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
        loop.call_soon_threadsafe(settle_if_awaited)
