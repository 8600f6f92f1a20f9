"""From a file to a config, or to a sentence that says what is wrong with it and where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from runvitals.catalogue import faults
from runvitals.config.conversion import convert
from runvitals.config.overlay import Overlay, from_environment
from runvitals.config.settings import Config
from runvitals.config.suggestion import closest
from runvitals.config.yaml_file import Document, read
from runvitals.diagnosis.settings import FaultSettings, resolve
from runvitals.exposition.web_config import Gate, WebConfigError
from runvitals.pipeline.watching import make_detectors, make_hang
from runvitals.sources import named_sources


def load(path: Path | None, overlays: Iterable[Overlay] | None = None) -> Config:
    """Return the config in the file, checked as a whole; the defaults without a file. Raises ConfigError.

    What overlays say goes over the file, the last one over those before it. Without overlays those of the environment
    are taken.
    """
    return load_with_origins(path, overlays)[0]


def load_with_origins(path: Path | None, overlays: Iterable[Overlay] | None = None) -> tuple[Config, Document]:
    """Return the config as `load` does, and the document that knows where each value comes from."""
    document = read(path) if path else Document("defaults", {}, {})
    for overlay in from_environment(os.environ) if overlays is None else overlays:
        document.put(*overlay)
    config = convert(document, Config)
    check_faults(document, config.faults)
    _check_sources(document, config)
    _check_web(document, config)
    return config, document


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


def _check_web(document: Document, config: Config) -> None:
    try:
        Gate(config.web.config_file).close()
    except WebConfigError as error:
        raise document.error("web.config_file", str(error)) from error
