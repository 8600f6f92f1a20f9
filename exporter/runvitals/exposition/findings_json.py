"""The findings as JSON: open ones first, then closed ones, each group newest first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

import msgspec

from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.well_formed import well_formed
from runvitals.values import Finding, Snapshot

MAX_FINDINGS = 4_096
"""On the page: about ten megabytes. The metrics count all, and the journal keeps more."""


def ordered_findings(snapshot: Snapshot | None) -> list[Finding]:
    """Return all findings of a snapshot, open ones first, each group newest first.

    A false alarm shows the bars that it raised for as long as they are in force.
    """
    if snapshot is None:
        return []
    present = (finding for rank in snapshot.ranks for finding in rank.findings)
    false_alarms = {finding.id for finding in snapshot.false_alarms}
    others = (finding for finding in (*present, *snapshot.past_findings) if finding.id not in false_alarms)
    return sorted((*others, *snapshot.false_alarms), key=_order)


def _order(finding: Finding) -> tuple[bool, float]:
    return not finding.is_open, -finding.opened_time


def findings_json(findings: Iterable[Finding], failures: LogOnce) -> bytes:
    """Return a JSON list of findings. Numbers that JSON cannot hold are the strings "NaN", "+Inf" and "-Inf"."""
    entries = []
    for finding in findings:
        try:
            entries.append(as_json(msgspec.to_builtins(finding)))
        except Exception as error:  # noqa: BLE001 - one bad finding never hides the others
            failures.failure("a finding in the list", error)
    return ("[" + ",\n".join(entries) + "]\n").encode()


def most_urgent(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return at most MAX_FINDINGS, ordered: those that are alerted stay, then others that are open, then the newest."""
    if len(findings) <= MAX_FINDINGS:
        return findings
    return sorted(sorted(findings, key=lambda one: (not one.is_open, one.explained))[:MAX_FINDINGS], key=_order)


def as_json(data: object) -> str:
    """Return plain data as JSON that anyone can read: odd numbers are strings, and text is well-formed."""
    return json.dumps(_plain(data), allow_nan=False, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {well_formed(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return well_formed(value)
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"
