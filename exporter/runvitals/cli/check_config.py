"""`runvitals check-config`: whether a config is right, without starting anything."""

from __future__ import annotations

import argparse
from pathlib import Path

from runvitals.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the config (YAML)")
    parser.add_argument(
        "--config.file", dest="config_file", type=Path, metavar="FILE", help="the same, as serve takes it"
    )


def main(arguments: argparse.Namespace) -> int:
    """Check, and say so; a config that is wrong is reported as for `serve`."""
    file = arguments.file or arguments.config_file
    load(file)
    print(f"{file} is right" if file else "the defaults are right")
    return 0
