"""What was found, and the config that it makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from runvitals.cli.logs import ESCAPES

_HEAD = """\
# What would watch this machine, for `runvitals serve --config.file FILE`.
sources:
"""


class Found(NamedTuple):
    """One source of the config, and why it is there."""

    settings: Mapping[str, Any]
    reason: str


def as_yaml(found: Iterable[Found]) -> str:
    """Return the config, each source under a comment that says what it is for."""
    lines = [_HEAD]
    seen: dict[str, int] = {}
    for one in found:
        kind = str(one.settings["kind"])
        seen[kind] = seen.get(kind, 0) + 1
        settings = dict(one.settings) | ({"name": f"{kind}-{seen[kind]}"} if seen[kind] > 1 else {})
        text = yaml.safe_dump([settings], sort_keys=False, default_flow_style=None, width=100, allow_unicode=False)
        lines.append(f"  # {one.reason.translate(ESCAPES)}\n")
        lines += [f"  {line}\n" for line in text.splitlines()]
    return "".join(lines)
