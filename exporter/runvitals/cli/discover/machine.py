"""What is the machine's own: ring folders, the StatsD address, GPUs."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from runvitals.cli.discover.listing import Found
from runvitals.client.live_rings import expand_folders, live_rings
from runvitals.client.ring_folders import reader_folders
from runvitals.sources.gpu.settings import is_gpu_here
from runvitals.sources.statsd import StatsdSettings


def find() -> Iterator[Found]:
    """Yield the sources that need no target."""
    folders = reader_folders()
    live = [ring.header.run for ring in live_rings(folders)]
    there = ", ".join(expand_folders(folders)) or "none of them exists yet"
    yield Found({"kind": "ring"}, f"{len(live)} live runs of clients in their folders ({there})")
    if _is_free(*StatsdSettings().udp.rsplit(":", 1)):
        yield Found({"kind": "statsd"}, f"{StatsdSettings().udp} is free for StatsD lines of other programs")
    if is_gpu_here():
        yield Found({"kind": "gpu"}, "an NVIDIA driver is here")


def _is_free(host: str, port: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True
