"""The rank of what states none: a model server's replica."""

from __future__ import annotations

import os
import socket


def default_rank() -> str:
    """Return `$RUNVITALS_RANK`, else the host name."""
    return os.environ.get("RUNVITALS_RANK") or socket.gethostname()
