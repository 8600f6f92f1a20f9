"""The frame of every HTML page, and the policy under which only its own style and script are let in."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple

from runvitals.exposition.well_formed import well_formed

_FOLDER = Path(__file__).parent


def asset(path: str) -> str:
    """Return the text of a style or script that lies beside this module."""
    return (_FOLDER / path).read_text(encoding="utf-8")


class Look(NamedTuple):
    """What a kind of page brings along: its style, and its script if it has one."""

    style: str
    script: str = ""

    @property
    def policy(self) -> str:
        """The Content-Security-Policy under which these two are let in, by their hashes, and nothing else is."""
        script = f"script-src {_hashed(self.script)}; connect-src 'self'; " if self.script else ""
        return f"default-src 'none'; style-src {_hashed(self.style)}; {script}base-uri 'none'; form-action 'none'"


def document(look: Look, title: str, body: str, head: str = "") -> str:
    """Return a page; `title`, `body` and `head` are HTML already."""
    script = f"<script>{look.script}</script>\n" if look.script else ""
    return well_formed(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{head}'
        f"<title>{title}</title>\n<style>{look.style}</style>\n</head>\n<body>\n{body}\n{script}</body>\n</html>\n"
    )


def _hashed(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
