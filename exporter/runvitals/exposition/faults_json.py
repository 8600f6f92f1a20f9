"""The state of each fault on each rank as JSON; one that is unknown says what it would need to be known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runvitals.catalogue import faults
from runvitals.diagnosis.needs import needs
from runvitals.exposition.findings_json import as_json
from runvitals.exposition.log_once import LogOnce
from runvitals.values import RankView, Snapshot, State


def faults_json(snapshot: Snapshot | None, failures: LogOnce) -> bytes:
    """Return a JSON list with an entry for each rank and fault of rank scope: run, rank, fault, state.

    An unknown one has `needs` besides: the signals that are missing, or how far the warm-up has come.
    """
    entries: list[str] = []
    seen = _window_samples(snapshot) if snapshot else {}
    for rank in snapshot.ranks if snapshot else ():
        try:
            entries += map(as_json, _entries(rank, snapshot, seen.get((rank.run, rank.rank), {})))
        except Exception as error:  # noqa: BLE001 - one bad rank never hides the others
            failures.failure("the faults of a rank", error)
    return ("[" + ",\n".join(entries) + "]\n").encode()


def _entries(rank: RankView, snapshot: Snapshot | None, seen: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for name, state in rank.states.items():
        entry: dict[str, Any] = {"run": rank.run, "rank": rank.rank, "fault": name, "state": state.value}
        if snapshot and state is State.UNKNOWN:
            disabled = name in snapshot.disabled
            entry["needs"] = needs(faults.BY_NAME[name], seen, snapshot.warm_up, disabled=disabled)
        yield entry


def _window_samples(snapshot: Snapshot) -> dict[tuple[str, str], dict[str, int]]:
    """Return how many values the windows hold, by rank and signal; of the layers of one signal the fullest."""
    seen: dict[tuple[str, str], dict[str, int]] = {}
    for series in snapshot.series:
        of_rank = seen.setdefault((series.run, series.rank), {})
        of_rank[series.signal] = max(of_rank.get(series.signal, 0), series.window_samples)
    return seen
