"""From a file to a config, or to a sentence that says what is wrong with it and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runvitals.catalogue import faults
from runvitals.config.conversion import convert
from runvitals.config.settings import Config
from runvitals.config.suggestion import closest
from runvitals.config.yaml_file import Document, read
from runvitals.diagnosis.settings import FaultSettings, resolve
from runvitals.pipeline.watching import make_detectors, make_hang
from runvitals.sources import named_sources


def load(path: Path | None) -> Config:
    """Return the config in the file, checked as a whole; the defaults without a file. Raises ConfigError."""
    document = read(path) if path else Document("defaults", {}, {})
    config = convert(document, Config)
    check_faults(document, config.faults)
    _check_sources(document, config)
    return config


def check_faults(document: Document, settings: Mapping[str, FaultSettings]) -> None:
    """Check the section `faults` of a document. Raises ConfigError."""
    try:
        table = resolve(settings)
        make_detectors(table)
        make_hang(table)
    except KeyError as error:
        path = f"faults.{error.args[0]}"
        fault, _, name = error.args[0].partition(".thresholds.")
        known = faults.BY_NAME[fault].thresholds if name else faults.BY_NAME
        problem = f"unknown {'threshold' if name else 'fault'}{closest(name or fault, known)}"
        raise document.error(path, problem) from error
    except ValueError as error:
        raise document.error("faults", str(error)) from error


def _check_sources(document: Document, config: Config) -> None:
    try:
        named_sources(config.sources)
    except ValueError as error:
        problem = f"two are called {error.args[0]!r}: give each a `name:` of its own"
        raise document.error("sources", problem) from error
