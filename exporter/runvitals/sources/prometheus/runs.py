"""The runs that a page tells of: the one of the config, or one for each model."""

from __future__ import annotations

_POSITION = "models"


class Runs:
    """Names the run of a model, and of what belongs to none, and remembers them while the server is down.

    `configured` is the one run of all, or empty; `address` names what no model does.
    """

    def __init__(self, configured: str, address: str) -> None:
        self._configured = configured
        self._address = address
        self._models: list[str] = []
        self._was_nameless = False

    def see(self, models: set[str]) -> None:
        """Take the models of a page; a page that names none leaves those that are known."""
        if models:
            self._models = sorted(models)

    def of(self, model: str) -> str:
        """Return the run of a model; of "", that of the only model, else of the address."""
        if self._configured or model:
            return self._configured or model
        return self._models[0] if len(self._models) == 1 else self._address

    def all(self) -> list[str]:
        """Return all runs. The address stays one of them once it was: nobody else would say that it is up again."""
        if self._configured:
            return [self._configured]
        self._was_nameless = self._was_nameless or not self._models
        return [*self._models, *([self._address] if self._was_nameless else [])]

    def position(self) -> object:
        """Return what a later process needs."""
        return {_POSITION: self._models}

    def restore(self, position: object) -> None:
        """Take the models of an earlier process. Raises ValueError for what is no position."""
        models = position.get(_POSITION) if isinstance(position, dict) else None
        if not isinstance(models, list) or not all(isinstance(model, str) and model for model in models):
            raise ValueError(f"not the position of a prometheus source: {str(position)[:80]}")
        self._models = models
