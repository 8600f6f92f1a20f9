"""What tests ask of a finding."""

from runvitals.values import EvidenceRole


def observations(finding):
    """What was seen of it, without what surrounded it and what followed."""
    return [one for one in finding.evidence if one.role is EvidenceRole.OBSERVATION]


def circumstances(finding):
    """What surrounded it, in words."""
    return [one.sentence for one in finding.evidence if one.role is EvidenceRole.CIRCUMSTANCE]


def consequences(finding):
    """What followed from it, in words."""
    return [one.sentence for one in finding.evidence if one.role is EvidenceRole.CONSEQUENCE]
