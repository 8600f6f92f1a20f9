"""The ranks of every run: where each stands, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from runvitals.exposition.html import as_utc, hidden, known, name, table
from runvitals.exposition.numbers import duration
from runvitals.values import RankView, RunStatus, State

MAX_RANKS = 100

_STATUS_CLASSES = {
    RunStatus.RUNNING: "good",
    RunStatus.FINISHED: "good",
    RunStatus.RAISED: "bad",
    RunStatus.CRASHED: "bad",
    RunStatus.UNKNOWN: "warn",
}
_HEAD = ("Run", "Rank", "Status", "Step", "Last step", "Explodes next step", "Within 50 steps", "Faults", "Open")
_BAR = 60.0


def runs_section(ranks: Sequence[RankView], now: float) -> str:
    """Return the section, at most MAX_RANKS ranks of it."""
    ordered = sorted(ranks, key=lambda rank: (-_open_count(rank), rank.run, rank_order(rank.rank)))
    rows = [_cells(rank, now) for rank in ordered[:MAX_RANKS]]
    body = table(_HEAD, rows, keyed_by=2) if rows else _NONE
    left = hidden(len(ranks) - MAX_RANKS, 'ranks, which have no more open findings: see <a href="metrics">metrics</a>')
    return f'<section class="runs" aria-labelledby="runs"><h2 id="runs">Runs</h2>{body}{left}</section>'


_NONE = '<p>None seen yet. In the training script: <code>runvitals.watch("its name")</code>.</p>'


def rank_order(rank: str) -> tuple[int, str]:
    """Return the place of a rank among others: numbers in their order, names after them."""
    return (int(rank), "") if rank.isdecimal() and len(rank) < 9 else (10**9, rank)


def _open_count(rank: RankView) -> int:
    return sum(finding.is_open for finding in rank.findings)


def _cells(rank: RankView, now: float) -> tuple[str, ...]:
    count = _open_count(rank)
    return (
        name(rank.run),
        name(rank.rank),
        f'<span class="{_STATUS_CLASSES[rank.status]}">{rank.status.value}</span>',
        known(rank.step, str),
        known(rank.last_step_time, lambda time: _ago(time, now)),
        known(rank.explosion_probability, _probability),
        known(rank.explosion_hazard, _probability),
        _states(rank),
        f'<span class="bad">{count}</span>' if count else "0",
    )


def _ago(time: float, now: float) -> str:
    return f'<span title="{as_utc(time)}">{duration(now - time)} ago</span>'


def _probability(value: float) -> str:
    """Return a probability as a number and as a bar."""
    width = min(max(value, 0.0), 1.0) * _BAR
    kind = "bad" if value > 0.5 else "soft"  # more likely than not
    return (
        f'<span class="level"><svg class="bar {kind}" viewBox="0 0 {_BAR:g} 6" aria-hidden="true">'
        f'<rect class="ground" width="{_BAR:g}" height="6" rx="3"/><rect width="{width:.1f}" height="6" rx="3"/></svg>'
        f"{f'{value:.3f}' if value >= 0.001 or not value else '&lt; 0.001'}</span>"
    )


def _states(rank: RankView) -> str:
    return ", ".join(f"{rank.fault_states.get(state, 0)} {state.value}" for state in State)
