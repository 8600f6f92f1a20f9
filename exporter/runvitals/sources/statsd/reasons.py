"""Why a StatsD line, or a part of it, was not taken as it came: a closed set, so that the counts stay bounded."""

from __future__ import annotations

from enum import Enum


class Reason(str, Enum):
    """One reason each. The last four keep the value and give up a detail of it."""

    MALFORMED = "malformed"
    NOT_A_NUMBER = "not_a_number"
    NONFINITE = "nonfinite"
    BAD_SAMPLE_RATE = "bad_sample_rate"
    UNSUPPORTED_TYPE = "unsupported_type"
    SET = "set"
    EVENT = "event"
    SERVICE_CHECK = "service_check"
    DATAGRAM_TOO_LARGE = "datagram_too_large"
    TOO_MANY_LINES = "too_many_lines"
    TOO_MANY_SERIES = "too_many_series"
    GAUGE_MEMORY_FULL = "gauge_memory_full"
    KERNEL_DROP = "kernel_drop"
    RECEIVE_ERROR = "receive_error"
    UDP_NOT_LISTENING = "udp_not_listening"
    UNIX_NOT_LISTENING = "unix_not_listening"
    BAD_STEP = "bad_step"
    BAD_TIMESTAMP = "bad_timestamp"
    LABEL_CUT = "label_cut"
    LABEL_REPLACED = "label_replaced"
