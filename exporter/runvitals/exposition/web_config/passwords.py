"""Whether a request names a user and a password that are known."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

from runvitals.exposition.web_config.file import WebConfigError

MAX_WAITING = 16
"""Requests whose password is being worked out; each takes some tenths of a second of one core."""

_MAX_REMEMBERED = 128
_MAX_PASSWORD_BYTES = 72  # bcrypt knows no longer ones
_NOBODY = "$2b$10$abcdefghijklmnopqrstuuiC2Y3fHvj7oKXGdkeH0bUsNhY4kiHOS"  # so that an unknown name takes as long


class Known(Enum):
    """What is known of who asks."""

    YES = "yes"
    NO = "no"
    BUSY = "busy"


class Passwords:
    """Compares passwords with bcrypt hashes, in one thread of its own; what was right and wrong is remembered.

    Remembered is a keyed digest, with a key that never leaves this process.
    """

    def __init__(self) -> None:
        self._remembered: OrderedDict[bytes, bool] = OrderedDict()
        self._key = os.urandom(32)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runvitals-passwords")
        self._waiting = 0

    async def check(self, users: Mapping[str, str], authorization: str) -> Known:
        """Tell whether the header of a request names one of the users with the right password."""
        user, password = _credentials(authorization)
        if user is None or len(password) > _MAX_PASSWORD_BYTES:
            return Known.NO
        hashed = users.get(user, _NOBODY)
        digest = hmac.new(self._key, b"\0".join([hashed.encode(), user.encode(), password]), hashlib.sha256).digest()
        is_right = self._remembered.get(digest)
        if is_right is None:
            if self._waiting >= MAX_WAITING:
                return Known.BUSY
            is_right = await self._compare(password, hashed) and user in users
            self._remember(digest, is_right)
        return Known.YES if is_right else Known.NO

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _compare(self, password: bytes, hashed: str) -> bool:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, _is_password, password, hashed)
        finally:
            self._waiting -= 1

    def _remember(self, digest: bytes, is_right: bool) -> None:
        self._remembered[digest] = is_right
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)


def check_bcrypt() -> None:
    """Raise WebConfigError, with the remedy, where bcrypt is not installed."""
    try:
        import bcrypt  # noqa: F401
    except ImportError as error:
        raise WebConfigError("basic_auth_users needs bcrypt: pip install 'runvitals[auth]'") from error


def _is_password(password: bytes, hashed: str) -> bool:
    import bcrypt

    return bcrypt.checkpw(password, hashed.encode())


def _credentials(authorization: str) -> tuple[str | None, bytes]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else (None, b"")
    except (binascii.Error, UnicodeDecodeError):
        return None, b""
