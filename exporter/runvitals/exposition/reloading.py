"""Loading the config again on request: who may ask, and what is answered."""

from __future__ import annotations

from http import HTTPStatus

from runvitals.exposition.answer import Answer, Request, sentence
from runvitals.exposition.backend import Backend
from runvitals.exposition.threads import in_thread


class Reloading:
    """Answers requests to reload, one at a time."""

    def __init__(self, backend: Backend, is_enabled: bool) -> None:
        self._backend = backend
        self._is_enabled = is_enabled
        self._is_busy = False

    async def answer(self, request: Request) -> Answer:
        """Reload and say how it went: 200, or 500 with the reason when the config was refused and the old one stays."""
        refusal = self._refusal(request)
        if refusal:
            return refusal
        self._is_busy = True
        try:
            reason = await in_thread(self._backend.reload)
        finally:
            self._is_busy = False
        if reason is None:
            return sentence(HTTPStatus.OK, "The config has been loaded.")
        return sentence(HTTPStatus.INTERNAL_SERVER_ERROR, f"The config was refused, the old one stays: {reason}")

    def _refusal(self, request: Request) -> Answer | None:
        if not self._is_enabled:
            return sentence(
                HTTPStatus.FORBIDDEN, "Reload over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP."
            )
        if "Origin" in request.headers:  # sent by browsers alone, on behalf of whatever page is open in one
            return sentence(HTTPStatus.FORBIDDEN, "Reload is not for web pages: use curl -X POST, or send SIGHUP.")
        if self._is_busy:
            return sentence(HTTPStatus.CONFLICT, "A reload is under way: ask again when it is done.")
        return None
