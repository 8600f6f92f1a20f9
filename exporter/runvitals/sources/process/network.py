"""Bytes received and sent in a process's network namespace, from /proc/<pid>/net/dev.

All processes of a namespace share these numbers: two ranks on one host report the same ones. Traffic that bypasses the
kernel (RDMA, InfiniBand verbs) is not in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runvitals.sources.process.table import PROC, read_start

_MAX_BYTES = 1 << 20


class Traffic(NamedTuple):
    """Bytes since the interface came up."""

    received: int
    sent: int


def parse_net_dev(text: str) -> dict[str, Traffic]:
    """Return the traffic of each interface but the loopback; lines that are not understood are left out."""
    found = {}
    for line in text.splitlines():
        name, separator, numbers = line.rpartition(":")
        fields = numbers.split()
        if separator and name.strip() != "lo" and len(fields) >= 9 and fields[0].isdigit() and fields[8].isdigit():
            found[name.strip()] = Traffic(int(fields[0]), int(fields[8]))
    return found


def read_traffic(pid: int, proc: str = PROC) -> dict[str, Traffic]:
    """Return the traffic of each interface in the namespace of a process. Raises OSError."""
    return parse_net_dev(read_start(f"{proc}/{pid}/net/dev", _MAX_BYTES).decode("utf-8", "replace"))


def increase(before: Mapping[str, Traffic], after: Mapping[str, Traffic]) -> Traffic:
    """Return the bytes since `before` over the interfaces in both; one that was reset counts from its reset."""
    received = sent = 0
    for name in before.keys() & after.keys():
        received += _grown(before[name].received, after[name].received)
        sent += _grown(before[name].sent, after[name].sent)
    return Traffic(received, sent)


def _grown(before: int, after: int) -> int:
    return after - before if after >= before else after
