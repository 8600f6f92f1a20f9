"""Which process this is, said so that another one can tell whether it still lives."""

from __future__ import annotations

import os

from runvitals.client.ring_format import Header


def boot_id() -> str:
    """Return the identity of the kernel's present boot, empty where there is none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip()
    except (OSError, ValueError):
        return ""


def pid_namespace() -> int:
    """Return the inode number of this process's pid namespace, 0 where it is unknown."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; 0: unknown, None: there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name, the second field, may itself hold parentheses and spaces.
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    except (FileNotFoundError, ProcessLookupError):
        return None if os.path.exists("/proc/self/stat") else 0
    except (OSError, ValueError, IndexError):
        return 0


def writer_alive(header: Header) -> bool | None:
    """Tell whether the process that writes a ring lives; None where its pid cannot be seen from here."""
    if not header.boot_id or header.boot_id != boot_id():
        return None
    if not header.pid_namespace or header.pid_namespace != pid_namespace():
        return None
    ticks = start_ticks(header.pid)
    if ticks is None:
        return False
    return ticks == header.start_ticks if ticks and header.start_ticks else None
