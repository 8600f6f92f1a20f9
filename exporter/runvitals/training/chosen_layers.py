"""Which layers are told of, where there are many."""

from __future__ import annotations

from collections.abc import Iterable


def chosen_layers(layers: Iterable[str], count: int) -> list[str]:
    """Return at most `count` layers, evenly spaced from the first to the last."""
    names = list(dict.fromkeys(layers))
    if len(names) <= count or count < 2:
        return names[: max(count, 0)]
    return [names[round(place * (len(names) - 1) / (count - 1))] for place in range(count)]
