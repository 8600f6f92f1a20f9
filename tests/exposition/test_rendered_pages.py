"""Pages are rendered once for a snapshot, and kept neither too long nor when they failed."""

from __future__ import annotations

import asyncio

import pytest

from runvitals.exposition.rendered import MAX_AGE_SECONDS, RenderedPages
from tests.exposition.snapshots import snapshot


class Rendering:
    """Counts how often it renders."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bytes:
        self.count += 1
        return b"page %d" % self.count


def test_one_snapshot_is_rendered_once_for_each_key() -> None:
    """The same snapshot and key give the same bytes, another key its own."""

    async def story() -> None:
        pages, render, shown = RenderedPages(), Rendering(), snapshot()
        together = await asyncio.gather(*(pages.get(shown, 0.0, "text", render) for _ in range(10)))
        assert together == [b"page 1"] * 10
        assert await pages.get(shown, 1.0, "text", render) == b"page 1"
        assert await pages.get(shown, 1.0, "gzip", render) == b"page 2"

    asyncio.run(story())


def test_a_new_snapshot_is_rendered_anew() -> None:
    """An equal but newer snapshot is another one."""

    async def story() -> None:
        pages, render = RenderedPages(), Rendering()
        assert await pages.get(snapshot(), 0.0, "text", render) == b"page 1"
        assert await pages.get(snapshot(), 0.0, "text", render) == b"page 2"

    asyncio.run(story())


def test_an_old_page_is_rendered_anew() -> None:
    """When no new snapshot comes, what the page says of the process goes on."""

    async def story() -> None:
        pages, render = RenderedPages(), Rendering()
        assert await pages.get(None, 0.0, "text", render) == b"page 1"
        assert await pages.get(None, MAX_AGE_SECONDS + 1, "text", render) == b"page 2"

    asyncio.run(story())


def test_a_failure_is_told_and_not_kept() -> None:
    """The next one who asks gets a new attempt."""

    def fail() -> bytes:
        raise ValueError("broken")

    async def story() -> None:
        pages, shown = RenderedPages(), snapshot()
        with pytest.raises(ValueError, match="broken"):
            await pages.get(shown, 0.0, "text", fail)
        assert await pages.get(shown, 0.0, "text", Rendering()) == b"page 1"

    asyncio.run(story())


def test_the_number_of_pages_is_bounded() -> None:
    """However many keys are asked for, only some pages are kept."""

    async def story() -> None:
        pages, shown = RenderedPages(), snapshot()
        for key in range(1000):
            await pages.get(shown, 0.0, key, Rendering())
        assert len(pages._pages) <= 32

    asyncio.run(story())
