"""Snapshots with findings, for what looks at snapshots."""

from __future__ import annotations

from typing import Any

from runvitals.values import Evidence, Finding, RankView, RunStatus, Snapshot


def finding(run: str = "llama", rank: str = "3", **changes: Any) -> Finding:
    """Return a critical finding that is open."""
    fields: dict[str, Any] = {
        "id": f"{run}-{rank}",
        "fault": "nonfinite_loss",
        "category": "parameters",
        "severity": "critical",
        "run": run,
        "rank": rank,
        "opened_time": 1_700_000_000.25,
        "opened_step": 4117,
        "confidence": 0.875,
        "evidence": [Evidence("The loss was NaN; about 2.5 was expected.")],
        "first_action": "Stop the run, keep the batch of that step, and go back to the last checkpoint before it.",
    }
    return Finding(**{**fields, **changes})


def snapshot(*findings: Finding, time: float = 1_700_000_010.0) -> Snapshot:
    """Return a snapshot in which these findings are active."""
    views = tuple(
        RankView(
            run=one.run,
            rank=one.rank,
            status=RunStatus.RUNNING,
            info={},
            step=one.opened_step,
            last_step_time=time,
            explosion_probability=None,
            explosion_hazard=None,
            explosion_skipped={},
            fault_active={(one.fault, one.category, one.severity): 1},
            fault_states={},
            incidents={},
            active=(one,),
            findings=(one,),
        )
        for one in findings
    )
    return Snapshot(time, True, (), views, (), {})
