"""Warning the user without ever raising."""

from __future__ import annotations

import contextlib
import sys
import warnings


def warn(sentence: str) -> None:
    """Warn once; where warnings are errors, or cannot be shown, the sentence goes to standard error, or nowhere."""
    try:
        warnings.warn(f"runvitals: {sentence}", RuntimeWarning, stacklevel=4)
    except Exception:  # noqa: BLE001 - nothing may raise into the user's code, a warning least of all
        _print(sentence)


def _print(sentence: str) -> None:
    with contextlib.suppress(Exception):  # there is no place left to say it
        sys.stderr.write(f"runvitals: {sentence}\n")
