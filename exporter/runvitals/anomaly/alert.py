"""One incident, one alert: a refractory time in which only a clearly higher score speaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class AlertGate:
    """Passes a score on, then holds back what follows until it has been quiet for a while, or is clearly exceeded."""

    record: float = 0.0
    quiet_for: int = 1 << 30

    def observe(self, score: float | None, refractory: int, margin: float) -> float | None:
        """Return the score where an alert would be raised now, 0 where one is open already; None while unknown."""
        if score is None:
            return None
        if self.quiet_for >= refractory or score > self.record + margin:
            self.record, self.quiet_for = score, 0
            return score
        self.quiet_for = self.quiet_for + 1 if score < 0.5 * self.record else 0
        return 0.0
