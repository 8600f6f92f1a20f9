"""The loss of each batch, out of the mean since the epoch began that Keras reports."""

from __future__ import annotations

from math import isfinite


class BatchLosses:
    """Takes the mean after each execution of an epoch, in order, and returns the loss of the execution itself.

    After n batches of equal size with the mean m_n, the loss of the last k is (n m_n - (n - k) m_{n-k}) / k. Of a
    last batch that is smaller it lies nearer to the mean than the loss did. In single precision it is off by about
    n 10^-7 of the mean.
    """

    def __init__(self) -> None:
        self._batches, self._mean = 0, 0.0

    def take(self, last_batch: int, mean: float) -> float | None:
        """Return the loss; None once a mean was not finite, since what follows in the epoch is unknown."""
        before, mean_before = self._batches, self._mean
        self._batches, self._mean = last_batch + 1, mean
        if not isfinite(mean_before):
            return None
        return mean_before + (mean - mean_before) * self._batches / (self._batches - before)
