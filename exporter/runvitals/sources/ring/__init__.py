"""The rings that training processes write."""

from runvitals.sources.ring.newest import newest_rings
from runvitals.sources.ring.source import RING_MAGIC, RingSettings, RingSource, read_ring

__all__ = ["RING_MAGIC", "RingSettings", "RingSource", "newest_rings", "read_ring"]
