"""The files that are built, by path."""

from __future__ import annotations

from pathlib import Path

from prometheus.build.rule_tests import rule_test
from prometheus.build.rules import rules_file
from runvitals.catalogue import faults

FOLDER = Path(__file__).parents[1]


def written() -> dict[Path, str]:
    """Return every built file's text by its path."""
    of_rank = [fault for fault in faults.ALL if fault.scope == "rank"]
    files = {FOLDER / "tests" / "faults" / f"{fault.name}.yml": rule_test(fault) for fault in of_rank}
    return {FOLDER / "rules" / "faults.yml": rules_file(of_rank), **files}
