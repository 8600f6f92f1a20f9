"""Whose log a file is, by its path."""

from __future__ import annotations

import re
from pathlib import PurePath

_RANK = re.compile(r"(?:^|[._-])(?:global_?)?rank[_-]?(\d{1,6})(?=$|[._-])", re.IGNORECASE)
_ENDINGS = re.compile(r"\.(?:log|out|err|txt|csv|tsv|json|jsonl|db|sqlite|\d+)$", re.IGNORECASE)
_DULL = re.compile(
    r"(?:logs?|outputs?|out|err|std|stdout|stderr|train|training|trainer|trainer_state|trainer_log|training_log|metrics?"
    r"|results?|progress|events?|history|csvlogger|csv_logs|tensorboard|tb|tfevents|validation|val|eval|test|main"
    r"|lightning_logs|mlflow|mlruns)\Z",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:version|checkpoint|attempt|epoch|step)[_-]?\d+\Z|\d+\Z", re.IGNORECASE)
_KEPT = re.compile(r"version_\d+\Z")
_TORCHRUN = re.compile(r"attempt_\d+/(\d{1,6})/std(?:out|err)\.log\Z")


def rank_of(path: str) -> str:
    """Return the rank that the path names (`rank3.log`, `rank_3/`, torchrun's `attempt_0/3/stdout.log`), else "0"."""
    match = _TORCHRUN.search(path)
    if match is None:
        match = next(filter(None, (_RANK.search(part) for part in reversed(PurePath(path).parts[-3:]))), None)
    return str(int(match[1])) if match else "0"


def run_of(path: str, pattern: str = "*") -> str:
    """Return the run: the name of the file's folder, or of the file where the pattern leaves its name open.

    What names no run is passed over on the way up: `logs/`, `metrics.csv`, `rank3.log`, `checkpoint-500/`, event files.
    Lightning's `version_3` is kept below its parent's name.
    """
    name = PurePath(path)
    parts = [part for part in name.parts if part != name.anchor]
    candidates = [_without_rank(part) for part in reversed(parts[:-1])]
    if any(one in PurePath(pattern).name for one in "*?[") and "tfevents" not in name.name:
        candidates.insert(0, _without_rank(_stem(name.name)))
    kept = next((part for part in candidates if _KEPT.match(part)), "")
    found = next((part for part in candidates if _names_a_run(part)), "") or _stem(name.name)
    return f"{found}/{kept}" if kept and candidates.index(kept) < _index(candidates, found) else found


def mlflow_run(path: str) -> str:
    """Return the run of a metric in MLflow's file store: the folder above `metrics`."""
    parts = PurePath(path).parts
    return parts[len(parts) - 2 - parts[::-1].index("metrics")]


def _index(candidates: list[str], found: str) -> int:
    return candidates.index(found) if found in candidates else len(candidates)


def _names_a_run(part: str) -> bool:
    return bool(part) and not _DULL.match(part) and not _NUMBERED.match(part)


def _stem(name: str) -> str:
    while _ENDINGS.search(name):
        name = _ENDINGS.sub("", name)
    return name


def _without_rank(part: str) -> str:
    return _RANK.sub("", part).strip("._-")
