"""How the sidecar logs: one line a record, on standard error."""

from __future__ import annotations

import json
import logging
import sys

from runvitals.config.settings import LogSettings

ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 13: "\\r"}
"""Control characters, which in a foreign name would move the cursor or colour the terminal."""

_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in range(127, 160)}  # those that JSON itself lets stand


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (Unix seconds), level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False).translate(_JSON_ESCAPES)


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123 warning sentence`; control characters of foreign names are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; a traceback follows on lines of its own."""
        when = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        line = f"{when}.{record.msecs:03.0f} {record.levelname.lower()} {record.getMessage().translate(ESCAPES)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: LogSettings) -> None:
    """Set up logging for the process; may be called again."""
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [target]
    root.setLevel(settings.level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
