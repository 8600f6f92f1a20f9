"""Where the shipped files lie: beside this file once installed, in the repository before."""

from __future__ import annotations

from pathlib import Path

ROOMS = ("prometheus", "alertmanager", "grafana")
_PACKAGE = Path(__file__).parent


def shipped_folder() -> Path:
    """Return the folder that holds `prometheus/`, `alertmanager/` and `grafana/`. Raises FileNotFoundError."""
    for folder in (_PACKAGE, _PACKAGE.parents[2]):
        if (folder / "prometheus" / "prometheus.yml").is_file():
            return folder
    raise FileNotFoundError(f"{_PACKAGE}: the bundle is not there; install runvitals from its wheel")


def shipped_files() -> dict[str, str]:
    """Return the text of each file of the bundle by its path."""
    folder = shipped_folder()
    paths = (path for room in ROOMS for path in sorted((folder / room).rglob("*")))
    kept = (path for path in paths if path.is_file() and path.suffix in {".yml", ".yaml", ".md", ".tmpl", ".json"})
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in kept}


def example_values() -> str:
    """Return a file of values to begin with, which says what each is for."""
    return (_PACKAGE / "values.example.yaml").read_text(encoding="utf-8")
