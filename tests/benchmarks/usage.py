"""What a process uses, as the kernel counts it: its CPU time is its own, however many others share the machine."""

from __future__ import annotations

import time
from typing import NamedTuple

import psutil


class Usage(NamedTuple):
    """Of one process: CPU seconds so far, resident bytes, threads, and open descriptors."""

    cpu_seconds: float
    rss_bytes: int
    threads: int
    descriptors: int


def usage(pid: int) -> Usage:
    """Return what the process uses now."""
    process = psutil.Process(pid)
    with process.oneshot():
        times = process.cpu_times()
        return Usage(times.user + times.system, process.memory_info().rss, process.num_threads(), process.num_fds())


def cpu_share(pid: int, seconds: float) -> float:
    """Watch the process for so long; return its CPU seconds a second."""
    began, before = time.monotonic(), usage(pid).cpu_seconds
    time.sleep(seconds)
    return (usage(pid).cpu_seconds - before) / (time.monotonic() - began)
