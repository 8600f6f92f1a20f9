"""The matchers of Alertmanager, in the form of an AlertmanagerConfig."""

from __future__ import annotations

import re

Matcher = dict[str, str]

_MATCHER = re.compile(r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)(?P<type>=~|!~|!=|=)"(?P<value>[^"\\]*)"')


def matcher(text: str) -> Matcher:
    """Return `severity="critical"` as name, value and type. Raises ValueError for what is written in another way."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no matcher of the form name="value", with =, !=, =~ or !~')
    return {"name": found["name"], "value": found["value"], "matchType": found["type"]}
