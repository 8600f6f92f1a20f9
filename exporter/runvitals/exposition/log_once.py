"""A log that says each thing once: what fails on every scrape must not fill the log."""

from __future__ import annotations

import logging


class LogOnce:
    """Logs the first failure of each part with its traceback; after `limit` parts it is silent."""

    def __init__(self, logger: logging.Logger, limit: int = 100) -> None:
        self._logger = logger
        self._limit = limit
        self._seen: set[str] = set()

    def failure(self, part: str, error: BaseException) -> None:
        """Log that the part failed, unless that has been said."""
        if part in self._seen or len(self._seen) >= self._limit:
            return
        self._seen.add(part)
        self._logger.error("%s failed and is left out; this is said once", part, exc_info=error)
