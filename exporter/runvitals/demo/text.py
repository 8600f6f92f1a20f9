"""Text that every Python brings with it, as numbers to learn from."""

from __future__ import annotations

import builtins
import importlib
import inspect
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Corpus(NamedTuple):
    """A text as indices into its own alphabet; `indices` has one int64 a character."""

    indices: NDArray[np.int64]
    alphabet: str


def load() -> Corpus:
    """Return the language reference that `help()` shows; where it is not installed, the docstrings of the built-ins."""
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError:  # some distributions split pydoc off
        return encode(_docstrings_of_builtins())
    return encode("\n".join(topics[name] for name in sorted(topics)))


def encode(text: str) -> Corpus:
    """Replace the characters of `text` by their places in its sorted alphabet."""
    alphabet, indices = np.unique(np.array(list(text)), return_inverse=True)
    return Corpus(indices.astype(np.int64), "".join(alphabet))


def _docstrings_of_builtins() -> str:
    documented = [value for _, value in sorted(vars(builtins).items())]
    members = [member for value in documented if inspect.isclass(value) for _, member in sorted(vars(value).items())]
    return "\n".join(filter(None, (inspect.getdoc(value) for value in documented + members)))
