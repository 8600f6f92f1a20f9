"""What float32 holds: as wide as training takes its numbers. A value beyond is a broken one, and is not remembered."""

from __future__ import annotations

SMALLEST, LARGEST = 1.4e-45, 3.5e38
