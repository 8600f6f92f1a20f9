"""What of the anomaly score may be chosen; the defaults are meant for every signal."""

from __future__ import annotations

from runvitals.settings import Settings


class AnomalySettings(Settings, frozen=True):
    """Which channels are looked at, whether daily and weekly seasons are learned, and how long one alert speaks.

    An alert stays open until `refractory` values in a row have been quiet (a score below half of the alert's); a score
    that exceeds the open alert's by more than `margin` (decades) alerts again. A signal that is bad on one side only
    alerts where a value lies more than `outlier` standard deviations from the local level, the heaviness of the tail in
    them, and more than `robust_zscore` robust ones from the median of the newest 128 values.
    """

    level: bool = True
    change: bool = True
    out_of_range: bool = True
    new_pattern: bool = True
    shift: bool = True
    season: bool = True
    refractory: int = 8
    margin: float = 0.5
    outlier: float = 4.5
    robust_zscore: float = 8.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not 1 <= self.refractory <= 100_000:
            raise ValueError(f"refractory must be from 1 to 100000 values, not {self.refractory}")
        if not 0.0 <= self.margin <= 12.0:
            raise ValueError(f"margin must be from 0 to 12 decades, not {self.margin}")
        for name, deviations in (("outlier", self.outlier), ("robust_zscore", self.robust_zscore)):
            if not 1.0 <= deviations <= 1e6:
                raise ValueError(f"{name} must be from 1 to 1000000 standard deviations, not {deviations}")
