"""A score corrected so that, in the long run, it exceeds s in a share of 10^-s of the values, whatever the stream."""

from __future__ import annotations

from dataclasses import dataclass

_UP, _DOWN = 0.018, 0.002  # the ninefold keeps a tenth above a mark
_UP4, _DOWN4 = 0.09, 0.01  # the last mark is seldom tried, and takes larger steps
_LARGEST = 12.0
_PRIOR = 1.3, 2.3, 3.15, 4.0  # where the largest of a few tail scores of normal noise has its shares


@dataclass(slots=True)
class SelfCalibration:
    """Marks on a raw score (in decades) that are exceeded by 10, 1, 0.1 and 0.01 % of the values.

    Each mark learns only from values above the one before it: a step up for one above, a ninth of that down for one
    below, as in online conformal prediction (Gibbs and Candes, NeurIPS 2021). The share above a mark therefore differs
    from the nominal one by at most the way the mark has gone over step x values, for any stream at all. The step is
    small, so that a few dozen real anomalies do not teach the score that they are ordinary. Between marks the corrected
    score is linear, beyond the last it grows as the raw one does, which counts as at most 12.
    """

    mark1: float = _PRIOR[0]
    mark2: float = _PRIOR[1]
    mark3: float = _PRIOR[2]
    mark4: float = _PRIOR[3]

    def observe(self, raw: float) -> float:
        """Return the corrected score of `raw`, as known before it, and learn from it. A raw score of 0 stays 0."""
        if raw > _LARGEST:
            raw = _LARGEST
        mark1 = self.mark1
        if raw <= mark1:
            self.mark1 = mark1 - _DOWN
            return raw / mark1 if raw > 0.0 else 0.0
        self.mark1 = mark1 + _UP
        score = self._beyond_first(raw, mark1)
        return score if raw > 0.0 else 0.0

    def _beyond_first(self, raw: float, mark1: float) -> float:
        mark2, mark3, mark4 = self.mark2, self.mark3, self.mark4
        if raw <= mark2:
            self.mark2 = mark2 - _DOWN
            return 1.0 + (raw - mark1) / (mark2 - mark1)
        self.mark2 = mark2 + _UP
        if raw <= mark3:
            self.mark3 = mark3 - _DOWN
            return 2.0 + (raw - mark2) / (mark3 - mark2)
        self.mark3 = mark3 + _UP
        if raw <= mark4:
            self.mark4 = mark4 - _DOWN4
            return 3.0 + (raw - mark3) / (mark4 - mark3)
        self.mark4 = mark4 + _UP4
        return 4.0 + raw - mark4
