"""A score corrected so that, in the long run, it exceeds s in a share of 10^-s of the values, whatever the stream."""

from __future__ import annotations

import msgspec

_STEP = 0.02


class SelfCalibration(msgspec.Struct):
    """Marks on a raw score (in decades) that are exceeded by 10, 1, 0.1 and 0.01 % of the values.

    Each mark learns only from values above the one before it: a step up for one above, a ninth of that down for one
    below, as in online conformal prediction (Gibbs and Candes, NeurIPS 2021). The share above a mark therefore differs
    from the nominal one by at most the way the mark has gone over step x values, for any stream at all. The step is
    small, so that a few dozen real anomalies do not teach the score that they are ordinary.
    """

    mark1: float = 1.3
    mark2: float = 2.3
    mark3: float = 3.15
    mark4: float = 4.0

    def observe(self, raw: float) -> float:
        """Return the corrected score of `raw`, as known before it, and learn from it."""
        mark1 = self.mark1
        if raw <= mark1:
            self.mark1 = mark1 - 0.1 * _STEP
            return raw / mark1 if raw > 0.0 else 0.0
        self.mark1 = mark1 + 0.9 * _STEP
        mark2 = self.mark2
        if raw <= mark2:
            self.mark2 = mark2 - 0.1 * _STEP
            return 1.0 + (raw - mark1) / (mark2 - mark1) if raw > 0.0 else 0.0
        self.mark2 = mark2 + 0.9 * _STEP
        mark3 = self.mark3
        if raw <= mark3:
            self.mark3 = mark3 - 0.1 * _STEP
            return 2.0 + (raw - mark2) / (mark3 - mark2) if raw > 0.0 else 0.0
        self.mark3 = mark3 + 0.9 * _STEP
        mark4 = self.mark4
        if raw <= mark4:
            self.mark4 = mark4 - 0.1 * _STEP
            return 3.0 + (raw - mark3) / (mark4 - mark3) if raw > 0.0 else 0.0
        self.mark4 = mark4 + 0.9 * _STEP
        return 4.0 + raw - mark4 if raw > 0.0 else 0.0
