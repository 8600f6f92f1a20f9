"""What has been rendered from the newest snapshot, so that ten clients who ask for it cost one rendering."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from runvitals.exposition.threads import in_thread
from runvitals.values import Snapshot

MAX_AGE_SECONDS = 5.0
"""Then a page is rendered anew even from the same snapshot: `process_*` go on when the pipeline hangs."""

_MAX_PAGES = 32


class RenderedPages:
    """Pages by key, each rendered once for a snapshot, in a thread, whoever and however many ask for it."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._since = float("-inf")
        self._pages: dict[Hashable, asyncio.Future[bytes]] = {}

    async def get(self, snapshot: Snapshot | None, now: float, key: Hashable, render: Callable[[], bytes]) -> bytes:
        """Return the page of this snapshot under `key`, rendered at most once; `now` is seconds of a steady clock."""
        self._forget_old(snapshot, now)
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = asyncio.ensure_future(in_thread(render))
        try:
            return await asyncio.shield(page)
        except Exception:
            self._pages = {kept: other for kept, other in self._pages.items() if other is not page}
            raise

    def _forget_old(self, snapshot: Snapshot | None, now: float) -> None:
        is_old = snapshot is not self._snapshot or now - self._since > MAX_AGE_SECONDS
        if is_old or len(self._pages) >= _MAX_PAGES:
            self._snapshot, self._since, self._pages = snapshot, now, {}
