"""What is wrong with a config: the file, the place and the remedy in one sentence."""

from __future__ import annotations


class ConfigError(Exception):
    """A config that is refused. `str()` is the whole sentence, fit for a terminal."""

    def __init__(self, file: str, path: str, problem: str, line: int | None = None) -> None:
        self.file, self.path, self.problem, self.line = file, path, problem, line
        place = file if line is None else f"{file}:{line}"
        super().__init__(": ".join(part for part in (place, path, problem) if part))
