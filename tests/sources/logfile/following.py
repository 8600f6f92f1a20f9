"""A log file source on a folder, polled at times that the test says."""

import os
import struct

import msgspec

from runvitals.sources.logfile.crc32c import masked_crc32c
from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.logfile.source import LogfileSource
from runvitals.values import Event, Sample

START = 1_700_000_000.0


class Watch:
    """Polls a source; keeps what it brought. A poll takes place a second after the one before it."""

    def __init__(self, path, restored=None, at=START, **settings):
        self.settings = LogfileSettings(path=str(path), search_seconds=0.1, **settings)
        self.source = LogfileSource(self.settings)
        self.now = at
        self.last = None
        self.rejected = {}
        if restored is not None:
            self.source.restore(msgspec.json.decode(msgspec.json.encode(restored)))

    def poll(self, seconds=1.0):
        """Return the samples and events of one poll."""
        self.now += seconds
        self.last = self.source.poll(self.now)
        for reason, count in self.last.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count
        return list(self.last.items)

    def drain(self, polls=50):
        """Return what polls bring until one brings nothing."""
        items = []
        for _ in range(polls):
            more = self.poll()
            items += more
            if not more:
                break
        return items

    def restarted(self, **settings):
        """Return a new source that goes on from the saved position, as after a restart."""
        self.source.close()
        given = {key: getattr(self.settings, key) for key in ("run", "rank", "start", "patterns")}
        return Watch(self.settings.path, self.last.position, self.now, **{**given, **settings})


def losses(items):
    """Return (step, loss) of the samples of the loss."""
    return [(one.step, one.value) for one in items if isinstance(one, Sample) and one.signal == "loss"]


def steps(items):
    """Return the steps of the samples of the loss."""
    return [step for step, _ in losses(items)]


def kinds(items):
    """Return the kinds of the events."""
    return [one.kind.value for one in items if isinstance(one, Event)]


def llmc(first, after):
    """Return lines of llm.c for the steps from `first` to before `after`."""
    return "".join(f"s:{step} trl:{5.0 - step / 1000:.4f} lr:0.001 norm:1.25\n" for step in range(first, after))


def write(path, text, at, mode="w"):
    """Write a file as a trainer does at a time."""
    with path.open(mode) as file:
        file.write(text)
    os.utime(path, (at, at))


def frame(payload):
    """Return a TensorBoard record."""
    size = struct.pack("<Q", len(payload))
    return size + struct.pack("<I", masked_crc32c(size)) + payload + struct.pack("<I", masked_crc32c(payload))


def field(number, payload):
    """Return a field of a message, of less than 128 bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def event(tag, step, value, time=1.7e9):
    """Return the record of a scalar."""
    summary = field(1, field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
    return frame(b"\x09" + struct.pack("<d", time) + b"\x10" + bytes([step]) + field(5, summary))
