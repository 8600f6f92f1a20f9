"""What an address is."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s:/@]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")


def check_address(text: str, port: int) -> None:
    """Raise ValueError, with an example of that port, where a text is no host:port."""
    if not _ADDRESS.fullmatch(text) or int(text.rpartition(":")[2]) > 65535:
        raise ValueError(f"{text!r} is no address: write host:port, for instance somehost:{port}")
