"""Text that can be sent: names come from other people's processes and may hold what UTF-8 cannot say."""

from __future__ import annotations


def well_formed(text: str) -> str:
    """Return the text with each lone surrogate (left by bytes that were no UTF-8) as U+FFFD, all else unchanged."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
