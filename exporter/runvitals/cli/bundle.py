"""`runvitals bundle`: rules, routes, dashboards and runbooks for an installation, into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from runvitals.bundle import (
    ChangedFilesError,
    RefusedError,
    bundle_files,
    check,
    example_values,
    load_values,
    write_files,
)
from runvitals.cli.errors import CannotRunError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="where to write; made if it is not there")
    parser.add_argument("--values", type=Path, metavar="FILE", help="addresses, receivers and thresholds (YAML)")
    parser.add_argument("--force", action="store_true", help="write over files that were changed since")
    parser.add_argument(
        "--secrets-elsewhere", action="store_true", help="do not ask whether the secret files are on this machine"
    )
    parser.add_argument("--example-values", action="store_true", help="print a file of values to begin with, and end")


def main(arguments: argparse.Namespace) -> int:
    """Write the files, after Prometheus's and Alertmanager's own tools have found them right where they are at hand."""
    if arguments.example_values:
        print(example_values(), end="")
        return 0
    if arguments.folder is None:
        raise CannotRunError("which folder? runvitals bundle DIR")
    values = load_values(arguments.values, check_files=not arguments.secrets_elsewhere)
    try:
        files = bundle_files(values)
        asked = check(files)
        changed = write_files(arguments.folder, files, force=arguments.force)
    except (ChangedFilesError, RefusedError) as error:
        raise CannotRunError(str(error)) from error
    except OSError as error:
        raise CannotRunError(f"{error.filename or arguments.folder}: {error.strerror or error}") from error
    _tell(arguments.folder, len(files), len(changed), asked)
    return 0


def _tell(folder: Path, files: int, changed: int, asked: list[str]) -> None:
    by = f"found right by {' and '.join(asked)}" if asked else "not checked: neither promtool nor amtool is on the PATH"
    print(f"{folder}: {files} files, {changed} of them new or changed; {by}")
