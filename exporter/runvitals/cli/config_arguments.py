"""The flags that name a config, or go over what it says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from runvitals.config import Config, ConfigError, check_web

_WEB_FLAGS = {
    "listen_address": "listen_address",
    "config_file": "web_config_file",
    "enable_lifecycle": "enable_lifecycle",
}
"""Settings of the section `web`, and the flags that go over them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags, in the spelling of Prometheus exporters."""
    parser.add_argument("--config.file", dest="config_file", type=Path, metavar="FILE", help="the config (YAML)")
    parser.add_argument(
        "--web.listen-address", dest="listen_address", metavar="HOST:PORT", help="where to serve (default :9877)"
    )
    parser.add_argument(
        "--web.config.file", dest="web_config_file", metavar="FILE", help="TLS, client certificates, users and headers"
    )
    parser.add_argument(
        "--web.enable-lifecycle",
        dest="enable_lifecycle",
        action="store_true",
        default=None,
        help="allow POST /-/reload",
    )
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=["debug", "info", "warning", "error"],
        help="what to log (default info)",
    )


def override(arguments: argparse.Namespace) -> Callable[[Config], Config]:
    """Return what puts the flags over a config."""
    return lambda config: _overridden(config, arguments)


def _overridden(config: Config, arguments: argparse.Namespace) -> Config:
    given = {name: getattr(arguments, flag) for name, flag in _WEB_FLAGS.items()}
    web = {name: value for name, value in given.items() if value is not None}
    log = {"level": arguments.log_level} if arguments.log_level else {}
    changes: dict[str, Any] = {}
    try:
        changes["web"] = msgspec.structs.replace(config.web, **web)
        changes["log"] = msgspec.structs.replace(config.log, **log)
    except ValueError as error:
        raise ConfigError("--web.listen-address", "", str(error)) from error
    if "config_file" in web:
        check_web("--web.config.file", web["config_file"])
    return msgspec.structs.replace(config, **changes)
