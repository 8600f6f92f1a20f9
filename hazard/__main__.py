"""`python -m hazard generate | fit | report FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hazard import archive


def main() -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m hazard", description="The hazard of gradient_explosion_likely.")
    commands = parser.add_subparsers(required=True)
    generate = commands.add_parser("generate", help="train the runs; goes on where it was stopped")
    generate.add_argument("folder", type=Path)
    generate.add_argument("--runs", type=int, default=2000, help="runs in numpy (default 2000)")
    generate.add_argument("--torch-runs", type=int, default=400, help="runs in PyTorch (default 400)")
    generate.set_defaults(command=_generate)
    arguments = parser.parse_args()
    return int(arguments.command(arguments))


def _generate(arguments: argparse.Namespace) -> int:
    for path in archive.generate(arguments.folder, range(arguments.runs), with_torch=False):
        print(path, flush=True)
    torch_seeds = range(archive.TORCH_SEEDS, archive.TORCH_SEEDS + arguments.torch_runs)
    for path in archive.generate(arguments.folder, torch_seeds, with_torch=True):
        print(path, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
