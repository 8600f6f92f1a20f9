"""What a config says of log files."""

from __future__ import annotations

import re
from typing import Literal

from runvitals.settings import Settings
from runvitals.sources.logfile.formats.pattern import Pattern

_BOUNDS: dict[str, tuple[float, float]] = {
    "interval": (0.1, 300.0),
    "search_seconds": (0.1, 3600.0),
    "stale_seconds": (1.0, 1e9),
    "max_files": (1, 10_000),
    "max_bytes_per_poll": (1 << 20, 1 << 26),
}


class LogfileSettings(Settings, frozen=True, kw_only=True, tag_field="kind", tag="logfile"):
    """Which files are followed, whose they are, and the bounds.

    `path` is a path or a glob (`*`, `?`, `[…]`, and `**` for folders of any depth), or a list of them; the format is
    recognised. New files are searched for every `search_seconds`. `run` and `rank` name whose they are; otherwise
    the path tells, by `path_pattern` (a regular expression with the named groups `run` and `rank`) or by the rules in
    the README. `patterns` are regular expressions with named groups for lines that no format knows.

    `start` says where the first look at a long file begins: at the last mebibyte (`tail`), at its `beginning`, or at
    its `end`. A file that has not been written to for `stale_seconds` when it is first seen is read once it grows.
    """

    path: str | tuple[str, ...]
    name: str = ""
    run: str | None = None
    rank: str | None = None
    path_pattern: str = ""
    patterns: tuple[str, ...] = ()
    start: Literal["tail", "beginning", "end"] = "tail"
    stale_seconds: float = 600.0
    interval: float = 1.0
    search_seconds: float = 5.0
    max_files: int = 256
    max_bytes_per_poll: int = 4 << 20

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if not self.paths or not all(self.paths):
            raise ValueError("path is empty; name a file or a glob, such as /runs/*/train.log")
        for name, (smallest, largest) in _BOUNDS.items():
            if not smallest <= getattr(self, name) <= largest:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be between {smallest} and {largest}")
        if self.run == "" or self.rank == "":
            raise ValueError("run and rank must not be empty; leave them out for the defaults")
        for expression in self.patterns:
            Pattern(expression)
        self._check_path_pattern()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths and globs."""
        return (self.path,) if isinstance(self.path, str) else self.path

    def _check_path_pattern(self) -> None:
        try:
            groups = set(re.compile(self.path_pattern).groupindex)
        except re.error as error:
            raise ValueError(f"path_pattern is no regular expression: {error}") from None
        if self.path_pattern and not groups & {"run", "rank"}:
            raise ValueError("path_pattern names nothing; write run or rank as a named group, such as (?P<run>[^/]+)")
