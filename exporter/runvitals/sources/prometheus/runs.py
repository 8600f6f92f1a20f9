"""The runs that a page tells of: the one of the config, or one for each model."""

from __future__ import annotations


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

    @property
    def models(self) -> list[str]:
        """The models that are known."""
        return self._models

    def restore(self, models: list[str]) -> None:
        """Take the models of an earlier process."""
        self._models = models
