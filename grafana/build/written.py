"""The files that are built, by path."""

from __future__ import annotations

import json
from pathlib import Path

from grafana.build.alerts import rules_file
from grafana.build.boards import fleet, gpu, rank, server, sidecar, training
from grafana.build.panels import Json

FOLDER = Path(__file__).parents[1]
DASHBOARDS = FOLDER / "dashboards"
ALERTS = FOLDER / "provisioning" / "alerting-optional" / "rules.yml"


def dashboards() -> list[Json]:
    """Return every dashboard, in the order of a search that begins with the fleet."""
    return [board.dashboard() for board in (fleet, training, rank, server, gpu, sidecar)]


def written() -> dict[Path, str]:
    """Return every built file's text by its path."""
    files = {DASHBOARDS / f"{board['uid']}.json": _text(board) for board in dashboards()}
    return {**files, ALERTS: rules_file()}


def _text(board: Json) -> str:
    return json.dumps(board, indent=1, ensure_ascii=False) + "\n"
