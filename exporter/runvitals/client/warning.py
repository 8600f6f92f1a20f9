"""Warning the user without ever raising."""

from __future__ import annotations

import contextlib
import sys
import warnings


def warn(sentence: str, error: Exception | None = None) -> None:
    """Warn at the user's line, and say what the error says.

    Where warnings are errors, or cannot be shown, the sentence goes to standard error, or nowhere.
    """
    text = f"runvitals: {sentence}" + (f": {_text_of(error)}" if error is not None else "")
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=_users_level())
    except Exception:  # noqa: BLE001 - nothing may raise into the user's code, a warning least of all
        with contextlib.suppress(Exception):  # there is no place left to say it
            sys.stderr.write(f"{text}\n")


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the error may be the user's own
        return type(error).__name__


def _users_level() -> int:
    """Return the `stacklevel`, as seen by the caller, of the innermost frame that is not ours."""
    level = 1
    while str(sys._getframe(level).f_globals.get("__name__")).startswith("runvitals."):
        level += 1
    return level
