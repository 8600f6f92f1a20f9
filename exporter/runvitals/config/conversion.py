"""From the plain data of a file to a struct, or to a sentence that says what is wrong with it and where."""

from __future__ import annotations

import copy
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from runvitals.config.suggestion import closest, keys_at, tags_at, value_at
from runvitals.config.yaml_file import Document

_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<key>.+)`$", re.DOTALL)
_INVALID_TAG = re.compile(r"Invalid value '(?P<tag>.*)'$", re.DOTALL)
T = TypeVar("T", bound=msgspec.Struct)


def convert(document: Document, kind: type[T]) -> T:
    """Return the document's data as a struct. Raises ConfigError with the place and, of a misspelt key, the remedy."""
    try:
        return msgspec.convert(document.data, kind)
    except msgspec.ValidationError as error:
        _explain(document, kind, str(error))


def _explain(document: Document, kind: type[msgspec.Struct], message: str) -> NoReturn:
    problem, _, place = message.rpartition(" - at ")
    path = _exact_path(document.data, kind, _path(place), place) if problem else ""
    problem = problem or message
    unknown, tag = _UNKNOWN_FIELD.match(problem), _INVALID_TAG.match(problem)
    if unknown:
        key = unknown["key"]
        problem = f"unknown key {key!r}{closest(key, keys_at(kind, path, document.data))}"
        path = f"{path}.{key}" if path else key
    elif tag and path.endswith(".kind"):
        known = tags_at(kind, path.removesuffix(".kind"), document.data)
        problem = f"unknown kind {tag['tag']!r}{closest(tag['tag'], known)}"
    raise document.error(path, problem)


def _path(place: str) -> str:
    return place.strip("`").removeprefix("$").removeprefix(".")


def _exact_path(data: Any, kind: type[msgspec.Struct], path: str, place: str) -> str:
    """Return the path with each `[...]`, which stands for a key of a mapping, replaced by the key that is wrong.

    It is the key that gives an error at the same `place` when it stands alone.
    """
    before, unknown, after = path.partition("[...]")
    if not unknown:
        return path
    for key in [key for key in value_at(data, before) if "[...]" not in key]:
        alone = copy.deepcopy(data)
        mapping = value_at(alone, before)
        for other in [other for other in mapping if other != key]:
            del mapping[other]
        try:
            msgspec.convert(alone, kind)
        except msgspec.ValidationError as error:
            if str(error).rpartition(" - at ")[2] == place:
                return _exact_path(alone, kind, f"{before}.{key}{after}", place)
    return before
