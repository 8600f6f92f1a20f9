"""What Prometheus and Alertmanager themselves say of the files, before anything is written."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 60
CHECKS = (
    ("promtool", ("check", "config"), "prometheus/prometheus.yml"),
    ("amtool", ("check-config",), "alertmanager/alertmanager.yml"),
)


class RefusedError(Exception):
    """Files that one of the programs refuses; the sentence holds what it said."""


def check(files: Mapping[str, str]) -> list[str]:
    """Return the names of the programs that found the files right; those that are not on the PATH are not asked.

    Raises RefusedError.
    """
    asked = [(program, arguments, path) for program, arguments, path in CHECKS if shutil.which(program)]
    with tempfile.TemporaryDirectory(prefix="runvitals-bundle-") as name:
        folder = Path(name)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        for program, arguments, path in asked:
            _ask(program, arguments, path, folder)
    return [program for program, _, _ in asked]


def _ask(program: str, arguments: tuple[str, ...], path: str, folder: Path) -> None:
    command = [program, *arguments, path]
    done = subprocess.run(  # noqa: S603 - a program that the user has on the PATH
        command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RefusedError(f"{' '.join(command)}: {_reason(done.stdout + done.stderr)}")


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if re.search(r"FAILED|rror|template:", line)]
    return "; ".join(dict.fromkeys(told or lines))[:2000]
