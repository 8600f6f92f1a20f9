"""What is wrong with a file as a whole."""

from __future__ import annotations

from runvitals.sources.logfile.reasons import Reason


class FileError(Exception):
    """A file that cannot be read as what it seems to be; `reason` is how that is counted."""

    reason = Reason.UNREADABLE


class DamagedFileError(FileError):
    """A file that breaks its own format, so that where to go on cannot be known."""

    reason = Reason.DAMAGED_FILE


class NotRecognisedError(FileError):
    """A file that nothing here reads."""

    reason = Reason.NOT_RECOGNISED


class NotAFileError(FileError):
    """A pipe, a device or a folder, which is never read."""

    reason = Reason.NOT_A_FILE


class TooLargeError(FileError):
    """A file that would have to be read whole, and is too large for it."""

    reason = Reason.FILE_TOO_LARGE
