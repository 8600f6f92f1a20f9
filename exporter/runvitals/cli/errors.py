"""What keeps a command from running."""

from __future__ import annotations


class CannotRunError(Exception):
    """Something outside the command line and the config is in the way; the sentence names the remedy."""
