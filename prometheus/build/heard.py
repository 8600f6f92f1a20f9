"""What is asked for where a series that is lost for a while is not a recovery."""

from __future__ import annotations

HEARD = "5m"  # for so long a finding is taken to be open when nothing is heard of it


def heard(selector: str) -> str:
    """Return what asks for the last values of series, also when nothing has been heard of them for a while."""
    return f"last_over_time({selector}[{HEARD}])"


def newest(selector: str) -> str:
    """Return what asks for the values of a rank's series, and for the last ones only where there are none.

    A run that has been started again on another machine has both for a while, and the new ones count.
    """
    return f"{selector} or on (run, rank) {heard(selector)}"
