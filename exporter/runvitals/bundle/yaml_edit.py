"""Changes to the text of a YAML file that leave its comments and everything else as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

REMOVED = object()
"""A value that takes away what stands at a path, its key and its comment on the same line."""


def edited(text: str, changes: Mapping[str, Any]) -> str:
    """Return the text with new values at paths such as `receivers[1].name`; one change after the other.

    A value is written as JSON, which is YAML. A key that is absent is added at the end of its mapping, and the value of
    `receivers[+]` at the end of that list. Raises KeyError with the path whose parent is absent too.
    """
    for path, value in changes.items():
        text = _changed(text, path, value)
    return text


def _changed(text: str, path: str, value: Any) -> str:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    *above, last = re.findall(r"[^.\[\]]+", path)
    parent: yaml.Node | None = root
    for part in above:
        parent = _entry(parent, part)[1]
    key, node = _entry(parent, last)
    if key is None or node is None:
        return text if value is REMOVED else _added(text, path, parent, last, value)
    if value is REMOVED:
        return _without_lines(text, key.start_mark.index, _end(node))
    return f"{text[: node.start_mark.index]}{_as_json(value)}{text[_end(node) :]}"


def _entry(parent: yaml.Node | None, part: str) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the node where an entry begins, and that of its value."""
    if isinstance(parent, yaml.MappingNode):
        return next(((key, value) for key, value in parent.value if key.value == part), (None, None))
    if isinstance(parent, yaml.SequenceNode) and part.isdigit() and int(part) < len(parent.value):
        return (parent.value[int(part)],) * 2
    return None, None


def _added(text: str, path: str, parent: yaml.Node | None, key: str, value: Any) -> str:
    if not isinstance(parent, yaml.CollectionNode) or parent.flow_style:
        raise KeyError(path)
    head = "- " if isinstance(parent, yaml.SequenceNode) else f"{key}: "
    end = text.find("\n", _end(parent))
    end = len(text) if end < 0 else end
    return f"{text[:end]}\n{' ' * parent.start_mark.column}{head}{_as_json(value)}{text[end:]}"


def _end(node: yaml.Node) -> int:
    """Return where the text of a node ends; a block ends with its last entry, not with the comments after it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    return int(node.end_mark.index)


def _without_lines(text: str, start: int, end: int) -> str:
    newline = text.find("\n", end)
    return text[: text.rfind("\n", 0, start) + 1] + (text[newline + 1 :] if newline >= 0 else "")


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
