"""What Prometheus and Alertmanager themselves say of the files, before anything is written."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_SECONDS = 60
CHECKS = (
    ("promtool", ("check", "config"), "prometheus/prometheus.yml"),
    ("amtool", ("check-config",), "alertmanager/alertmanager.yml"),
)
_ALERTMANAGER = "alertmanager"


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
            _ask([program, *arguments, path], folder)
        if shutil.which("amtool"):
            _render(folder / _ALERTMANAGER)
    return [program for program, _, _ in asked]


def _render(folder: Path) -> None:
    """Fill in each text of the receivers for an alert: a template that fails loses its message when it is needed."""
    config = yaml.safe_load((folder / "alertmanager.yml").read_text(encoding="utf-8"))
    files = [str(path.relative_to(folder)) for pattern in config["templates"] for path in sorted(folder.glob(pattern))]
    globs = [f"--template.glob={file}" for file in files]
    ways = [way for receiver in config["receivers"] for key, way in receiver.items() if key != "name"]
    for text in dict.fromkeys(_templates(ways)):
        _ask(["amtool", "template", "render", *globs, f"--template.text={text}"], folder)


def _templates(part: Any) -> Iterator[str]:
    """Yield the texts in a part of a config that are filled in."""
    if isinstance(part, str) and "{{" in part:
        yield part
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _templates(inner)


def _ask(command: list[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - a program that the user has on the PATH
        command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RefusedError(f"{' '.join(command)}: {_reason(done.stdout + done.stderr)}")


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if line and "SUCCESS" not in line]
    return "; ".join(dict.fromkeys(told))[:2000]
