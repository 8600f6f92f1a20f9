"""What looking closely has cost since it was last accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable


class Cost:
    """Seconds of the host, and bytes of a device's memory that were read."""

    def __init__(self) -> None:
        self.seconds, self.device_bytes = 0.0, 0

    def timed(self, work: Callable[..., None], *arguments: object) -> None:
        """Do what is to be done, and add what it takes."""
        began = time.perf_counter()
        work(*arguments)
        self.seconds += time.perf_counter() - began

    def clear(self) -> None:
        """Begin anew."""
        self.seconds, self.device_bytes = 0.0, 0
