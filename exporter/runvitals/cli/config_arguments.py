"""The flags that name a config, or go over what it says."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from runvitals.config import Overlay, from_environment

CONFIG_FILE_VARIABLE = "RUNVITALS_CONFIG_FILE"
_FLAGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("--web.listen-address", "web.listen_address", {"metavar": "HOST:PORT", "help": "where to serve (default :9877)"}),
    ("--web.config.file", "web.config_file", {"metavar": "FILE", "help": "TLS, client certificates, users, headers"}),
    (
        "--web.enable-lifecycle",
        "web.enable_lifecycle",
        {"action": "store_true", "default": None, "help": "allow POST /-/reload"},
    ),
    (
        "--log.level",
        "log.level",
        {"choices": ["debug", "info", "warning", "error"], "help": "what to log (default info)"},
    ),
    ("--log.format", "log.format", {"choices": ["text", "json"], "help": "how to log (default text)"}),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags, in the spelling of Prometheus exporters."""
    add_config_file(parser)
    for flag, path, options in _FLAGS:
        parser.add_argument(flag, dest=path, **options)
    parser.epilog = (
        "A flag goes over a variable, a variable over the file, the file over the default. Each setting has a "
        "variable: RUNVITALS_WEB_LISTEN_ADDRESS is web.listen_address."
    )


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Add the flag that names the config."""
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path(named) if named else None,
        metavar="FILE",
        help=f"the config (YAML; default ${CONFIG_FILE_VARIABLE})",
    )


def overlays(arguments: argparse.Namespace) -> list[Overlay]:
    """Return what goes over the file: the variables, and over them the flags."""
    given = ((flag, path, getattr(arguments, path, None)) for flag, path, _ in _FLAGS)
    flags = [Overlay(path, value, flag) for flag, path, value in given if value is not None]
    return [*from_environment(os.environ), *flags]
