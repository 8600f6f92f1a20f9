"""The config as text that may be shown to anyone."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
import yaml

from runvitals.config.settings import Config

_SECRET = re.compile(
    r"(pass(word|wd|phrase)?|secret|token|credentials?|api_?key|private_?key|authorization)$", re.IGNORECASE
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY = re.compile(
    r"([?&][^=&#\s]*(?:pass(?:word|wd|phrase)?|secret|token|key|auth|authorization|signature|sig)=)[^&#\s]+",
    re.IGNORECASE,
)
REDACTED = "<secret>"


def to_yaml(config: Config) -> str:
    """Return the whole config as YAML, defaults filled in, secrets replaced."""
    return yaml.safe_dump(redacted(msgspec.to_builtins(config)), sort_keys=False, allow_unicode=True)


def fingerprint(config: Config) -> str:
    """Return a short name for all settings together; secrets do not go into it."""
    return hashlib.sha256(to_yaml(config).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def redacted(data: Any) -> Any:
    """Return a copy of plain data in which what stands under a secret's name, or before the @ of a URL, is replaced.

    The same goes for what a URL's query gives under such a name.

    The path of a file that holds a secret (`…_file`) is not one.
    """
    if isinstance(data, dict):
        return {
            key: REDACTED if _SECRET.search(str(key)) and isinstance(value, str) and value else redacted(value)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [redacted(item) for item in data]
    return _QUERY.sub(rf"\g<1>{REDACTED}", _USERINFO.sub(f"{REDACTED}@", data)) if isinstance(data, str) else data
