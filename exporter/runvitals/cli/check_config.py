"""`runvitals check-config`: whether a config is right, and where each value comes from, without starting anything."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec

from runvitals.cli import config_arguments
from runvitals.config import Config, load_with_origins, setting_paths
from runvitals.config.redaction import redacted
from runvitals.config.suggestion import value_at
from runvitals.config.yaml_file import Document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the config (YAML)")
    config_arguments.add_arguments(parser)
    parser.add_argument(
        "--explain", action="store_true", help="print each setting, and whether a flag, a variable or the file gave it"
    )


def main(arguments: argparse.Namespace) -> int:
    """Check, and say so; a config that is wrong is reported as for `serve`."""
    file = arguments.file or arguments.config_file
    config, document = load_with_origins(file, config_arguments.overlays(arguments))
    if arguments.explain:
        _explain(config, document)
    print(f"{file} is right" if file else "the defaults are right")
    return 0


def _explain(config: Config, document: Document) -> None:
    shown = redacted(msgspec.to_builtins(config))
    for path in setting_paths():
        value = json.dumps(value_at(shown, path), ensure_ascii=False)
        print(f"{path}: {value}  # {document.origin(path) or 'default'}")
