"""Why a part of a page gave no sample: a closed set, so that the counts stay bounded."""

from __future__ import annotations

from enum import Enum


class Reason(str, Enum):
    """One reason each. Metrics that nobody asked for are no loss, and are not counted."""

    MALFORMED_LINE = "malformed_line"
    LINE_TOO_LONG = "line_too_long"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    NOT_UTF8 = "not_utf8"
    IMPLAUSIBLE = "implausible"
    DUPLICATE_SERIES = "duplicate_series"
    TOO_MANY_SERIES = "too_many_series"
    TOO_MANY_MODELS = "too_many_models"
    TOO_MANY_LAYERS = "too_many_layers"
    TOO_MANY_METRICS = "too_many_metrics"
