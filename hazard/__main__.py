"""`python -m hazard generate | fit | report FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hazard import archive
from hazard.fit import COEFFICIENTS, coefficients
from hazard.forecasts import forecast
from hazard.reliability_diagram import reliability_diagram
from hazard.report import figures, lines


def main() -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="python -m hazard", description="The hazard of gradient_explosion_likely.")
    commands = parser.add_subparsers(required=True)
    generate = commands.add_parser("generate", help="train the runs; goes on where it was stopped")
    generate.add_argument("folder", type=Path)
    generate.add_argument("--runs", type=int, default=2000, help="runs in numpy (default 2000)")
    generate.add_argument("--torch-runs", type=int, default=300, help="runs in PyTorch (default 300)")
    generate.set_defaults(command=_generate)
    fit = commands.add_parser("fit", help="fit the coefficients and write them into the source")
    fit.add_argument("folder", type=Path)
    fit.set_defaults(command=_fit)
    report = commands.add_parser("report", help="the score card of the runs that were held back")
    report.add_argument("folder", type=Path)
    report.add_argument("--picture", type=Path, metavar="OUT.svg", help="write the reliability diagram")
    report.set_defaults(command=_report)
    arguments = parser.parse_args()
    return int(arguments.command(arguments))


def _generate(arguments: argparse.Namespace) -> int:
    for path in archive.generate(arguments.folder, range(arguments.runs), with_torch=False):
        print(path, flush=True)
    torch_seeds = range(archive.TORCH_SEEDS, archive.TORCH_SEEDS + arguments.torch_runs)
    for path in archive.generate(arguments.folder, torch_seeds, with_torch=True):
        print(path, flush=True)
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    COEFFICIENTS.write_text(coefficients(archive.load(arguments.folder)))
    print(COEFFICIENTS)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    runs = archive.load(arguments.folder)
    forecasts = [forecast(run) for run in runs if run.split == "held_back"]
    print(f"{arguments.folder}: {len(runs)} runs, fingerprint {archive.fingerprint(runs)}")
    for line in lines(forecasts):
        print(line)
    if arguments.picture:
        found = figures(forecasts)
        caption = f"{len(forecasts)} held-back runs, calibration error {found.calibration_error:.3f}"
        arguments.picture.write_text(reliability_diagram(found.bins, caption))
    return 0


if __name__ == "__main__":
    sys.exit(main())
