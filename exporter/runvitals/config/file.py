"""From a file to a config, or to a sentence that says what is wrong with it and where."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from runvitals.catalogue import faults
from runvitals.config.errors import ConfigError
from runvitals.config.settings import Config
from runvitals.config.suggestion import closest, keys_at, value_at
from runvitals.config.yaml_file import Document, read
from runvitals.diagnosis.settings import resolve
from runvitals.exposition.web_config import Gate, WebConfigError
from runvitals.pipeline.watching import make_detectors, make_hang
from runvitals.sources import SOURCES, named_sources

_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<key>.+)`$", re.DOTALL)
_INVALID_TAG = re.compile(r"Invalid value '(?P<tag>.*)'$", re.DOTALL)


def load(path: Path | None) -> Config:
    """Return the config in the file, checked as a whole; the defaults without a file. Raises ConfigError."""
    document = read(path) if path else Document("defaults", {}, {})
    try:
        config = msgspec.convert(document.data, Config)
    except msgspec.ValidationError as error:
        _explain(document, str(error))
    _check_faults(document, config)
    _check_sources(document, config)
    check_web(document.file, config.web.config_file, document.line("web.config_file"))
    return config


def _explain(document: Document, message: str) -> NoReturn:
    problem, _, place = message.rpartition(" - at ")
    path = _exact_path(document.data, _path(place), place) if problem else ""
    problem = problem or message
    unknown, tag = _UNKNOWN_FIELD.match(problem), _INVALID_TAG.match(problem)
    if unknown:
        key = unknown["key"]
        problem = f"unknown key {key!r}{closest(key, keys_at(Config, path, document.data))}"
        path = f"{path}.{key}" if path else key
    elif tag and path.endswith(".kind"):
        problem = f"unknown kind {tag['tag']!r}{closest(tag['tag'], SOURCES)}"
    raise ConfigError(document.file, path, problem, document.line(path))


def _path(place: str) -> str:
    return place.strip("`").removeprefix("$").removeprefix(".")


def _exact_path(data: Any, path: str, place: str) -> str:
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
            msgspec.convert(alone, Config)
        except msgspec.ValidationError as error:
            if str(error).rpartition(" - at ")[2] == place:
                return _exact_path(alone, f"{before}.{key}{after}", place)
    return before


def _check_faults(document: Document, config: Config) -> None:
    try:
        table = resolve(config.faults)
        make_detectors(table)
        make_hang(table)
    except KeyError as error:
        path = f"faults.{error.args[0]}"
        fault, _, name = error.args[0].partition(".thresholds.")
        known = faults.BY_NAME[fault].thresholds if name else faults.BY_NAME
        problem = f"unknown {'threshold' if name else 'fault'}{closest(name or fault, known)}"
        raise ConfigError(document.file, path, problem, document.line(path)) from error
    except ValueError as error:
        raise ConfigError(document.file, "faults", str(error), document.line("faults")) from error


def _check_sources(document: Document, config: Config) -> None:
    try:
        named_sources(config.sources)
    except ValueError as error:
        problem = f"two are called {error.args[0]!r}: give each a `name:` of its own"
        raise ConfigError(document.file, "sources", problem, document.line("sources")) from error


def check_web(place: str, file: str, line: int | None = None) -> None:
    """Check a web config file that is named at a place. Raises ConfigError."""
    try:
        Gate(file).close()
    except WebConfigError as error:
        raise ConfigError(place, "", str(error), line) from error
