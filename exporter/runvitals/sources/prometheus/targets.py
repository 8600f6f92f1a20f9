"""Whose a series is: the run and layer it belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult

from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.reasons import Reason
from runvitals.sources.replica import default_rank

_HERE = re.compile(r"localhost|127\..*|::1|0\.0\.0\.0")

_MAX_NAME = 200


class Place(NamedTuple):
    """A model ("" for what belongs to none), and a layer ("" for what belongs to the whole)."""

    model: str
    layer: str


class Places:
    """Finds the place of a series by its labels, at most `max_models` models and `max_layers` layers."""

    def __init__(self, max_models: int, max_layers: int, *, by_model: bool) -> None:
        self._max_models, self._max_layers = max_models, max_layers
        self._by_model = by_model
        self._models: set[str] = set()
        self._layers: set[str] = set()
        self._numbers: dict[str, int] = {}

    def of(self, engine: Engine, labels: Mapping[str, str], rejected: Counter[Reason]) -> Place | None:
        """Return the place of a series; None where there is no room for it."""
        model = next((labels[name] for name in engine.model_labels if labels.get(name)), "") if self._by_model else ""
        return self.admit(model, self._gpu(engine, labels), rejected)

    def admit(self, model: str, layer: str, rejected: Counter[Reason]) -> Place | None:
        """Return the place of a model and layer; None where there is no room for it."""
        model, layer = model[:_MAX_NAME], layer[:_MAX_NAME]
        if not _fits(model, self._models, self._max_models):
            rejected[Reason.TOO_MANY_MODELS] += 1
            return None
        if not _fits(layer, self._layers, self._max_layers):
            rejected[Reason.TOO_MANY_LAYERS] += 1
            return None
        return Place(model, layer)

    def keep(self, places: Collection[Place]) -> None:
        """Forget the models and layers that have left the page: others may take their room."""
        self._models &= {place.model for place in places}
        self._layers &= {place.layer for place in places}

    def _gpu(self, engine: Engine, labels: Mapping[str, str]) -> str:
        """Return a GPU's layer; one that is named by no number is numbered as it comes on the page."""
        name = labels.get(engine.gpu_label, "") if engine.gpu_label else ""
        if not name:
            return ""
        if not name.isdecimal() and (name in self._numbers or len(self._numbers) <= self._max_layers):
            name = str(self._numbers.setdefault(name, len(self._numbers)))
        instance = labels.get(engine.instance_label, "") if engine.instance_label else ""
        return f"gpu{name}/mig{instance}" if instance else f"gpu{name}"


def _fits(name: str, known: set[str], most: int) -> bool:
    if name and name not in known:
        if len(known) >= most:
            return False
        known.add(name)
    return True


def rank_of(url: SplitResult) -> str:
    """Return the replica that a URL is: this machine's where it is here, else the URL's host."""
    host = url.hostname or ""
    return default_rank() if _HERE.fullmatch(host) else host
