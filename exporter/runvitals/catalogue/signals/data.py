"""What is known of the batches that go in."""

from __future__ import annotations

from runvitals.catalogue.signals.signal import Signal

INPUT_MEAN = Signal("input_mean", "1", "mean of the input of the step")
INPUT_STDDEV = Signal("input_stddev", "1", "standard deviation of the input of the step")
INPUT_NONFINITE_RATIO = Signal(
    "input_nonfinite_ratio", "1", "share of the input that is NaN or infinite, 0 to 1", bad_side="high"
)
INPUT_MISSING_RATIO = Signal("input_missing_ratio", "1", "share of the input that is missing, 0 to 1", bad_side="high")
INPUT_CONSTANT_RATIO = Signal(
    "input_constant_ratio", "1", "share of the features that are the same in every example of the step", bad_side="high"
)
BATCH_FINGERPRINT = Signal(
    "batch_fingerprint", "1", "a number that is equal for two batches with the same content (a hash below 2^53)"
)
