"""A journal that is written, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from runvitals.sinks.journal import FILE_NAME, Journal
from runvitals.sinks.settings import JournalSettings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal stands."""
    return tmp_path / FILE_NAME


@pytest.fixture
def new_journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Makes journals in one folder that run until the test ends, or `stop` is called."""
    with ExitStack() as stack:

        def make(**settings: int) -> Journal:
            return stack.enter_context(running(Journal(tmp_path, JournalSettings(**settings), "c0ffee")))

        yield make


@contextmanager
def running(journal: Journal) -> Iterator[Journal]:
    """Start a journal, and stop it."""
    journal.start()
    try:
        yield journal
    finally:
        journal.stop(30.0)
