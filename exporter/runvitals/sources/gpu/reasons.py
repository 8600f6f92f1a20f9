"""Why a quantity of a GPU has no sample: a closed set, so that the counts stay bounded."""

from __future__ import annotations

from enum import Enum


class Reason(str, Enum):
    """One reason each. What a GPU does not support is no loss, and is not counted."""

    NO_PERMISSION = "no_permission"
    GPU_LOST = "gpu_lost"
    IMPLAUSIBLE = "implausible"
    UNREADABLE = "unreadable"
    OWNER_UNKNOWN = "owner_unknown"
    TOO_MANY_OWNERS = "too_many_owners"
