"""Norms of gradients, or of parameters, to be computed inside the jitted step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from runvitals.training.chosen_layers import chosen_layers

WHOLE = ""
"""The name under which the norm of everything stands among those of the layers."""


def global_norm(tree: Any) -> Any:
    """Return the Euclidean norm of all arrays of a tree together, as optax's `tree.norm`, in single precision."""
    return jnp.sqrt(sum((_square(leaf) for leaf in jax.tree_util.tree_leaves(tree)), start=jnp.float32(0.0)))


def norms(tree: Any, max_layers: int = 16) -> dict[str, Any]:
    """Return the norm of everything, under "", and those of up to `max_layers` layers, evenly spaced.

    A layer is what holds the arrays: of `{"dense": {"kernel": …, "bias": …}}` it is `dense`.
    """
    squares: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        layer = "/".join(_key(one) for one in path[:-1]) or "/".join(_key(one) for one in path)
        squares[layer] = squares.get(layer, 0.0) + _square(leaf)
    whole = jnp.sqrt(sum(squares.values(), start=jnp.float32(0.0)))
    return {WHOLE: whole, **{layer: jnp.sqrt(squares[layer]) for layer in chosen_layers(squares, max_layers)}}


def _square(leaf: Any) -> Any:
    values = jnp.asarray(leaf)
    magnitude = jnp.abs(values)
    return jnp.sum(jnp.square(magnitude.astype(jnp.promote_types(magnitude.dtype, jnp.float32))))


def _key(entry: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)
