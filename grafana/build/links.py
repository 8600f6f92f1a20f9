"""The ways between dashboards, which keep the variables and the time range."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from grafana.build.panels import Json
from prometheus.build.rules import RUNBOOKS

_KEPT = "${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}"


class Board(NamedTuple):
    """A dashboard's address and title."""

    uid: str
    title: str


class Boards(Board, Enum):
    """The dashboards."""

    FLEET = ("runvitals-fleet", "runvitals: fleet")
    TRAINING = ("runvitals-run", "runvitals: training run")
    RANK = ("runvitals-rank", "runvitals: rank and process")
    SERVER = ("runvitals-server", "runvitals: model server")
    GPU = ("runvitals-gpu", "runvitals: GPU")
    SIDECAR = ("runvitals-sidecar", "runvitals: sidecar itself")


_OF_ONE_RUN = (Boards.TRAINING, Boards.RANK, Boards.SERVER, Boards.GPU)
_OF_ONE_RANK = (Boards.TRAINING, Boards.RANK)


def menu(own: Boards) -> list[Json]:
    """Return the links at the top of a dashboard: to each of the others, and to the runbooks.

    What is chosen goes along where the other dashboard can take it: a choice of many runs is none of a single run.
    """
    others = [_to_board(own, board) for board in Boards if board is not own]
    return [*others, _link("Runbooks", RUNBOOKS, "What each alert means, and what to do first", leaves=True)]


def to_board(board: Boards, title: str, values: Mapping[str, str]) -> Json:
    """Return the link of a value to a dashboard on what the value belongs to, such as {"run": "__field.labels.run"}."""
    chosen = "".join(f"&var-{name}=${{{value}:percentencode}}" for name, value in values.items())
    return {"title": title, "url": f"/d/{board.uid}?{_KEPT}{chosen}&${{__url_time_range}}", "targetBlank": False}


def to_runbooks() -> Json:
    """Return the link of a value to the runbooks."""
    return {"title": "Runbooks", "url": RUNBOOKS, "targetBlank": True}


def _to_board(own: Boards, other: Boards) -> Json:
    kept = [_KEPT]
    kept += ["${run:queryparam}"] if own in _OF_ONE_RUN and other in _OF_ONE_RUN else []
    kept += ["${rank:queryparam}"] if own in _OF_ONE_RANK and other in _OF_ONE_RANK else []
    return _link(other.title, f"/d/{other.uid}?{'&'.join(kept)}", other.title, leaves=False)


def _link(title: str, url: str, tooltip: str, leaves: bool) -> Json:
    return {
        "type": "link",
        "title": title,
        "url": url,
        "tooltip": tooltip,
        "icon": "doc" if leaves else "dashboard",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": not leaves,
        "targetBlank": leaves,
    }
