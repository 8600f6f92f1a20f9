"""Why a part of a file was not taken: a closed set, so that the counts stay bounded."""

from __future__ import annotations

from enum import Enum


class Reason(str, Enum):
    """One reason each: first what concerns a value or a line, then a whole file, then folders."""

    NOT_A_NUMBER = "not_a_number"
    IMPLAUSIBLE = "implausible"
    BAD_STEP = "bad_step"
    TOO_MANY_SIGNALS = "too_many_signals"
    LINE_TOO_LONG = "line_too_long"
    NOT_UTF8 = "not_utf8"
    NOT_A_ROW = "not_a_row"
    NOT_A_JSON_OBJECT = "not_a_json_object"
    DAMAGED_RECORD = "damaged_record"
    RECORD_TOO_LONG = "record_too_long"
    REPEATED_ROW = "repeated_row"
    NOT_RECOGNISED = "not_recognised"
    DAMAGED_FILE = "damaged_file"
    FILE_TOO_LARGE = "file_too_large"
    NOT_A_FILE = "not_a_file"
    PERMISSION_DENIED = "permission_denied"
    SYMLINK_LOOP = "symlink_loop"
    UNREADABLE = "unreadable"
    BAD_FILE_NAME = "bad_file_name"
    TOO_MANY_FILES = "too_many_files"
    TOO_MANY_ENTRIES = "too_many_entries"
