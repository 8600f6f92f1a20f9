"""Why a process, or a quantity of one, has no sample: a closed set, so that the counts stay bounded."""

from __future__ import annotations

from enum import Enum


class Reason(str, Enum):
    """One reason each."""

    VANISHED = "vanished"
    ZOMBIE = "zombie"
    PERMISSION_DENIED = "permission_denied"
    IMPLAUSIBLE_CPU = "implausible_cpu"
    TARGET_FAILED = "target_failed"
    TARGET_NOT_FOUND = "target_not_found"
    TOO_MANY_TARGETS = "too_many_targets"
    TOO_MANY_PROCESSES = "too_many_processes"
    PID_FILE_UNREADABLE = "pid_file_unreadable"
    PID_FILE_INVALID = "pid_file_invalid"
    PID_NOT_IN_VIEW = "pid_not_in_view"
    PID_REUSED = "pid_reused"
    PID_NAMESPACE_UNREADABLE = "pid_namespace_unreadable"
    PORT_OWNER_HIDDEN = "port_owner_hidden"
    MEMORY_LIMIT_UNREADABLE = "memory_limit_unreadable"
    RINGS_UNREADABLE = "rings_unreadable"
    RING_OF_ANOTHER_MACHINE = "ring_of_another_machine"
    RING_WITHOUT_IDENTITY = "ring_without_identity"
