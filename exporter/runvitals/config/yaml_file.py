"""YAML with the line of every key, duplicate keys refused."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import yaml

from runvitals.config.errors import ConfigError

V = TypeVar("V")
MAX_BYTES = 1024 * 1024

MAX_NODES = 100_000
"""Nodes of a file with every alias written out: a few lines of aliases can stand for billions."""


class Document:
    """The plain data of a YAML file, and where each value comes from: a line of the file, a variable or a flag."""

    def __init__(self, file: str, data: Any, lines: dict[str, int]) -> None:
        self.file, self.data, self._lines = file, data, lines
        self._origins: dict[str, str] = {}

    def put(self, path: str, value: Any, origin: str) -> None:
        """Put a value over what stands at a path such as `web.listen_address`."""
        *above, last = path.split(".")
        place = self.data
        for part in above:
            if not isinstance(place.get(part), dict):
                place[part] = {}
            place = place[part]
        place[last] = value
        self._origins[path] = origin

    def line(self, path: str) -> int | None:
        """Return the line of a path such as `sources[0].kind`, or of the nearest one above it that is in the file."""
        return self._nearest(path, self._lines)

    def origin(self, path: str) -> str | None:
        """Return where the value at a path comes from; None where nobody gave it."""
        given = self._nearest(path, self._origins)
        line = self._lines.get(path)
        return given if given is not None else f"{self.file}:{line}" if line else None

    def error(self, path: str, problem: str) -> ConfigError:
        """Return the error about what stands at a path, with all places that it can come from."""
        given = self._nearest(path, self._origins)
        if given is not None:
            return ConfigError(given, "", problem)
        below = [origin for place, origin in self._origins.items() if place.startswith(f"{path}.")]
        line = self.line(path)
        place = [self.file if line is None else f"{self.file}:{line}"] if line or not below else []
        return ConfigError(", ".join([*place, *below]), path, problem)

    @staticmethod
    def _nearest(path: str, known: Mapping[str, V]) -> V | None:
        while path and path not in known:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return known.get(path)


_KEY_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"})


class _Loader(yaml.SafeLoader):
    """Safe YAML that reads 1e-3 as a number, as YAML 1.2 does, and refuses a key that stands twice or is no text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # inherited
        seen: set[object] = set()
        for key, _ in node.value:
            if key.tag not in _KEY_TAGS:
                raise yaml.constructor.ConstructorError(None, None, "a key must be text: quote it", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping (or nothing). Raises ConfigError naming the file and the place."""
    text = _text(path)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            _weigh(node, {})
            data = loader.construct_document(node) if node else {}
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(str(path), "", f"not valid YAML: {error.problem}", line) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(str(path), "", f"not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(str(path), "", "the top level must be keys such as `web:` or `sources:`", 1)
    lines: dict[str, int] = {}
    _note_lines(node, "", lines)
    return Document(str(path), data, lines)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError(str(path), "", f"larger than {MAX_BYTES} bytes: is this a config?")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "", f"not UTF-8 at byte {error.start}: save it as UTF-8") from error


def _weigh(node: yaml.Node | None, weights: dict[int, int]) -> int:
    """Return how many nodes this one is with its aliases written out. Raises YAMLError where they are too many."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in weights:
        weights[id(node)] = MAX_NODES  # what contains itself is endless
        below = node.value if isinstance(node, yaml.SequenceNode) else chain.from_iterable(node.value)
        weights[id(node)] = 1 + sum(_weigh(one, weights) for one in below)
    if weights[id(node)] >= MAX_NODES:
        raise yaml.YAMLError(f"more than {MAX_NODES} values with its aliases written out, or an alias to itself")
    return weights[id(node)]


def _note_lines(node: yaml.Node | None, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            lines[below] = key.start_mark.line + 1
            _note_lines(value, below, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            below = f"{path}[{index}]"
            lines[below] = value.start_mark.line + 1
            _note_lines(value, below, lines)
