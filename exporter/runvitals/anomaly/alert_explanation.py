"""Why an alert score is raised, held back or unknown."""

from __future__ import annotations

from runvitals.anomaly.alert import AlertGate
from runvitals.anomaly.settings import AnomalySettings


def why(before: AlertGate, alert_score: float | None, settings: AnomalySettings) -> str:
    """Return a sentence on the alert score of a value; `before` is the gate as the value met it."""
    if alert_score is None:
        return "unknown, as the anomaly score is"
    is_free = before.quiet_for >= settings.refractory
    if alert_score > 0.0:
        if is_free:
            return "the anomaly score: no alert is open that would speak for it already"
        return f"raised: above the open alert's {before.record:.2f} by more than {settings.margin:.2g}"
    if is_free:
        return "nothing is unusual in the direction that matters for this signal"
    return (
        f"held back: an alert of {before.record:.2f} is open; it ends above {before.record + settings.margin:.2f}, "
        f"or after {settings.refractory} values in a row below {0.5 * before.record:.2f}"
    )
