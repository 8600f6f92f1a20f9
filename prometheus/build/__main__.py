"""Writes what is built from the catalogue: rules/faults.yml, and tests/faults/ with a file for each fault."""

from __future__ import annotations

from prometheus.build.written import FOLDER, written


def main() -> None:
    """Write every file anew, and remove the tests of faults that are no more."""
    files = written()
    for old in (FOLDER / "tests" / "faults").glob("*.yml"):
        if old not in files:
            old.unlink()
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
