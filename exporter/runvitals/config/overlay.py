"""Values that go over those of the config file, from the environment or the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec.inspect as types
import yaml

from runvitals.config.errors import ConfigError
from runvitals.config.settings import Config

PREFIX = "RUNVITALS_"


class Overlay(NamedTuple):
    """A value for a path such as `web.listen_address`, and where it comes from: a variable or a flag."""

    path: str
    value: Any
    origin: str


def setting_paths() -> dict[str, types.Type]:
    """Return every setting that a variable can give, with its type; a list or a mapping is one setting."""
    return dict(_leaves(types.type_info(Config), ""))


def variable_of(path: str) -> str:
    """Return the name of the variable of a setting: RUNVITALS_WEB_LISTEN_ADDRESS for `web.listen_address`."""
    return PREFIX + path.upper().replace(".", "_")


def from_environment(environment: Mapping[str, str]) -> list[Overlay]:
    """Return what the variables of a process say. Raises ConfigError for a list or a number that is none.

    Text is taken as it is; all else is YAML: a number, true or false, a list, a mapping.
    """
    found = []
    for path, kind in setting_paths().items():
        text = environment.get(variable_of(path))
        if text:
            found.append(Overlay(path, _value(variable_of(path), text, kind), f"${variable_of(path)}"))
    return found


def _leaves(kind: types.Type, path: str) -> Iterator[tuple[str, types.Type]]:
    if isinstance(kind, types.StructType):
        for field in kind.fields:
            yield from _leaves(field.type, f"{path}.{field.encode_name}" if path else field.encode_name)
    else:
        yield path, kind


def _value(name: str, text: str, kind: types.Type) -> Any:
    if _is_text(kind):
        return text
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # what it says is not shown: it may be a secret
        raise ConfigError(f"${name}", "", "not valid YAML; write a list as [a, b], a mapping as {a: b}") from error


def _is_text(kind: types.Type) -> bool:
    if isinstance(kind, types.UnionType):
        return any(_is_text(member) for member in kind.types)
    if isinstance(kind, types.LiteralType):
        return all(isinstance(value, str) for value in kind.values)
    return isinstance(kind, types.StrType)
