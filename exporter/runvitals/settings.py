"""The base of what each room declares as its settings, beside its code."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one part. Unknown keys and wrong types are refused where the config is decoded.

    A subclass checks what a type cannot say in `__post_init__` and raises ValueError with the remedy.
    """
