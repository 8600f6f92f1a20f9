"""Formats of text logs, one file each, in the order in which a line is tried on them."""

from __future__ import annotations

from collections.abc import Sequence

from runvitals.sources.logfile.formats.deepspeed import DeepSpeed
from runvitals.sources.logfile.formats.fairseq import Fairseq
from runvitals.sources.logfile.formats.hugging_face import HuggingFace
from runvitals.sources.logfile.formats.key_value import KeyValue
from runvitals.sources.logfile.formats.line_format import LineFormat
from runvitals.sources.logfile.formats.llmc import LlmC
from runvitals.sources.logfile.formats.megatron import Megatron
from runvitals.sources.logfile.formats.nanogpt import NanoGpt
from runvitals.sources.logfile.formats.torchtitan import Torchtitan

LINE_FORMATS: Sequence[LineFormat] = (
    Megatron(),
    DeepSpeed(),
    Torchtitan(),
    HuggingFace(),
    NanoGpt(),
    LlmC(),
    Fairseq(),
    KeyValue(),
)
"""A user's own expressions come before these."""
