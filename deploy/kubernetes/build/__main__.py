"""Writes what is built from the bundle into deploy/kubernetes/ and deploy/helm/."""

from __future__ import annotations

import argparse
from pathlib import Path

from deploy.kubernetes.build.routes import DoesNotCarryOverError
from deploy.kubernetes.build.written import BUILT_FOLDERS, DEPLOY, written
from runvitals.bundle import bundle_files, load_values
from runvitals.bundle.shipped import shipped_files


def main() -> None:
    """Write every file anew, and remove those of rules, dashboards and templates that are no more."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kubernetes.build", description=__doc__)
    parser.add_argument(
        "--values", type=Path, metavar="FILE", help="addresses and receivers, as for `runvitals bundle`"
    )
    values = parser.parse_args().values
    bundle = bundle_files(load_values(values, check_files=False)) if values else shipped_files()
    try:
        files = written(bundle)
    except DoesNotCarryOverError as error:
        parser.exit(1, f"{error}\n")
    for folder in BUILT_FOLDERS:
        for old in (DEPLOY / folder).glob("*"):
            old.unlink()
    for path, text in files.items():
        (DEPLOY / path).parent.mkdir(parents=True, exist_ok=True)
        (DEPLOY / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
