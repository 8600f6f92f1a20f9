"""What a name on a page means."""

from __future__ import annotations

import re
from typing import NamedTuple

_SUFFIX = re.compile(r"_(bucket|sum|count|created|total)\Z")


class Meaning(NamedTuple):
    """A name is a `part` of a metric: its `value`, `bucket`, `sum`, `count`, `created`."""

    engine: str
    metric: str
    part: str


def split_suffix(name: str) -> tuple[str, str]:
    """Return the name of the histogram or summary that a name may be a part of, and which; the name itself if none."""
    found = _SUFFIX.search(name)
    return (name[: found.start()], found[1]) if found else (name, "value")
