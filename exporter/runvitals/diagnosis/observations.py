"""What was seen of a finding: its first observations and the newest one."""

from __future__ import annotations

from runvitals.values import Evidence, EvidenceRole, Finding, Verdict

MAX_OBSERVATIONS = 4


def observed(finding: Finding, verdict: Verdict) -> bool:
    """Take a firing verdict in, in the last place if there is no more room; return whether there is one more now."""
    finding.confidence = max(finding.confidence, verdict.confidence)
    if verdict.score is not None:
        finding.score = verdict.score if finding.score is None else max(finding.score, verdict.score)
    count = _count(finding)
    if verdict.evidence is None or (count and _is_same(verdict.evidence, finding.evidence[count - 1])):
        return False
    is_full = count >= MAX_OBSERVATIONS
    finding.evidence[count - is_full : count] = [verdict.evidence]
    return not is_full


def newest(finding: Finding) -> str:
    """Return the sentence of the newest observation; the fault's name where there is none."""
    count = _count(finding)
    return finding.evidence[count - 1].sentence if count else finding.fault


def _count(finding: Finding) -> int:
    """Return how many observations there are; they come first."""
    return sum(one.role is EvidenceRole.OBSERVATION for one in finding.evidence)


def _is_same(one: Evidence, other: Evidence) -> bool:
    """Return whether two pieces of evidence are one. The sentence stands for the value: NaN does not equal itself."""
    return _what(one) == _what(other)


def _what(evidence: Evidence) -> tuple[str, str, str, int | None, float | None]:
    return evidence.sentence, evidence.signal, evidence.layer, evidence.step, evidence.time
