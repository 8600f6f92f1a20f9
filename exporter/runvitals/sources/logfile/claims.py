"""Which foreign name stands for a signal, where several could."""

from __future__ import annotations

import msgspec

from runvitals.catalogue import signals
from runvitals.sources.logfile.units import Quantity, quantity

_MAX_CLAIMS = 4096


class Claims(msgspec.Struct):
    """The first foreign name that means a signal keeps it; another one beside it stays a signal of its own name.

    `train_loss_step` and `train_loss` both mean the loss, and must not be mixed in one series.
    """

    owners: dict[str, str] = {}

    def quantity(self, name: str, run: str = "") -> Quantity:
        """Return what a foreign name means in a run."""
        meant = quantity(name)
        if not signals.known(meant.signal):
            return meant
        key = f"{run}\n{meant.signal}" if run else meant.signal
        if key not in self.owners and len(self.owners) < _MAX_CLAIMS:
            self.owners[key] = name
        return meant if self.owners.get(key, name) == name else Quantity(name)
