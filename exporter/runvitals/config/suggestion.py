"""What a misspelt key was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import msgspec.inspect as types


def closest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" for the nearest of the known words, else a list of them."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are: {', '.join(words)}" if words else ""


def keys_at(kind: type, path: str, data: Any) -> list[str]:
    """Return the keys that may stand at a path (such as `sources[0]`) of data that is to become `kind`."""
    found = _type_at(kind, path, data)
    if not isinstance(found, types.StructType):
        return []
    names = [field.encode_name for field in found.fields]
    return [*names, found.tag_field] if found.tag_field else names


def tags_at(kind: type, path: str, data: Any) -> list[str]:
    """Return what the tag of the struct at a path may be; nothing where there is no choice."""
    parent, _, last = re.sub(r"\[(\d+)\]$", r".\1", path).rpartition(".")
    found = _step(_type_at(kind, parent, data), last)
    members = found.types if isinstance(found, types.UnionType) else ()
    return [str(member.tag) for member in members if isinstance(member, types.StructType)]


def value_at(data: Any, path: str) -> Any:
    """Return what stands at a path (such as `sources[0]`) of plain data; None if nothing does."""
    for part in _parts(path):
        data = _below(data, part)
    return data


def _type_at(kind: type, path: str, data: Any) -> types.Type:
    found = types.type_info(kind)
    for part in _parts(path):
        data = _below(data, part)
        found = _resolve(_step(found, part), data)
    return found


def _parts(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", path)


def _step(kind: types.Type, part: str) -> types.Type:
    if isinstance(kind, types.StructType):
        return next((field.type for field in kind.fields if field.encode_name == part), types.AnyType())
    if isinstance(kind, types.ListType):
        return kind.item_type
    return kind.value_type if isinstance(kind, types.DictType) else types.AnyType()


def _resolve(kind: types.Type, data: Any) -> types.Type:
    """Return the member of a union of structs that the data's tag names."""
    if not isinstance(kind, types.UnionType) or not isinstance(data, dict):
        return kind
    for member in kind.types:
        if isinstance(member, types.StructType) and data.get(member.tag_field or "") == member.tag:
            return member
    return kind


def _below(data: Any, part: str) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and part.isdigit() and int(part) < len(data):
        return data[int(part)]
    return None
