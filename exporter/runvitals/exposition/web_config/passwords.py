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


class Known(Enum):
    """What is known of who asks."""

    YES = "yes"
    NO = "no"
    BUSY = "busy"


class Passwords:
    """Compares passwords with bcrypt hashes, in one thread of its own; what was right and wrong is remembered.

    Remembered is a keyed digest, with a key that never leaves this process. Wrong ones, of which there is no end, never
    take the place of right ones. An unknown name takes as long as the first of those that are known.
    """

    def __init__(self) -> None:
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._key = os.urandom(32)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runvitals-passwords")
        self._waiting = 0

    async def check(self, users: Mapping[str, str], authorization: str) -> Known:
        """Tell whether the header of a request names one of the users with the right password."""
        user, password = _credentials(authorization)
        if user is None or len(password) > _MAX_PASSWORD_BYTES:
            return Known.NO
        hashed = users.get(user) or next(iter(users.values()))
        digest = hmac.new(self._key, b"\0".join([hashed.encode(), user.encode(), password]), hashlib.sha256).digest()
        if digest in self._right:
            return Known.YES
        if digest in self._wrong:
            return Known.NO
        if self._waiting >= MAX_WAITING:
            return Known.BUSY
        is_right = await self._compare(password, hashed) and user in users
        _remember(digest, self._right if is_right else self._wrong)
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


def _remember(digest: bytes, among: OrderedDict[bytes, None]) -> None:
    among[digest] = None
    if len(among) > _MAX_REMEMBERED:
        among.popitem(last=False)


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
        pair = base64.b64decode(encoded.strip(), validate=True)
        user, colon, password = pair.partition(b":")
        return (user.decode(), password) if colon and b"\0" not in pair else (None, b"")
    except (binascii.Error, UnicodeDecodeError):
        return None, b""
