"""Any bytes for the parsers of log files: `python -m tests.fuzz.logfile N` for N inputs, all night for 10^6.

An input is lines of every format, real headers and records, mutated: bytes flipped, cut, doubled, spliced. A parser
answers each with rows, counts or a `FileError`, never with another exception, takes no more bytes than it was given,
and keeps nothing that grows with the number of inputs.
"""

import random
import resource
import sqlite3
import string
import struct
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec

from runvitals.sources.logfile.crc32c import masked_crc32c
from runvitals.sources.logfile.dating import Dating, Reading
from runvitals.sources.logfile.errors import FileError
from runvitals.sources.logfile.json_document import JsonDocument
from runvitals.sources.logfile.mlflow_store import MlflowStore
from runvitals.sources.logfile.recognition import AnyReader, recognise
from runvitals.sources.logfile.row import Clue
from runvitals.sources.logfile.telling import MAX_SIGNALS, Teller

MAX_STATE = 1 << 20
"""Bytes that a reader may keep, as it is saved, whatever it was fed."""

TEXTS = [
    b" iteration 100/ 5000 | elapsed time per iteration (ms): 1234.5 | lm loss: 2.5E+00 | grad norm: nan | x: 1e99 |\n",
    b"[2023-07-25 21:03:21,037] [INFO] [Rank 0] step=35, skipped=3, lr=[2.17e-06, 2e-06], mom=[[0.9, 0.95]]\n",
    b"epoch=0/micro_step=34/global_step=17, RunningAvgSamplesPerSec=7.8, CurrSamplesPerSec=8.2, MemAllocated=2.0GB\n",
    b"[rank2]:\x1b[36m2026-05-18 16:04:46,338 step: 14  \x1b[32mloss:  3.2  memory:  1.50GiB(64.99%)  tps: 193,831\n",
    b"{'loss': 0.5, 'grad_norm': nan, 'learning_rate': 2e-05, 'epoch': 0.25}\n",
    b"iter 10: loss 3.2202, time 893.76ms, mfu 16.68%\nstep 250: train loss 2.1, val loss 2.2\n",
    b"s:1 trl:10.9598 lr:0.000002 norm:15.24\nstep 12/18865 | loss 10.5 (-1.2z)| norm 4.4 | 3145.1 ms | 16669 tok/s\n",
    b"| epoch 030 | loss 3.736 | num_updates 11001 | lr 0.0006 | gnorm 0.434 | clip 100%\n",
    b"OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768\nKilled\nCUDA out of memory\n",
    b"{'train_runtime': 12.5}\n*** Running Evaluation\n 12%|\xe2\x96\x88 | 120/1000 [10:00<1:13:20,  2.00it/s]\r",
    b"Traceback (most recent call last):\n  File x\n[rank1]: a.b.CError: m\nNVRM: Xid (PCI:0000:3b:00): 79, x\n",
    b"step,loss,time,rank\n1,2.5,2024-01-02T03:04:05,0\n2,nan,1700000000,x\n",
    b'{"step": 1, "loss": "2.5", "a": {"b": {"c": 1}}}\n{"step": 1e300, "loss": NaN, "x": "\\ud800"}\n',
    b'{\n"log_history": [{"step": 1, "loss": 2.5}, {"step": -1, "loss": Infinity}, 3]}\n',
    b"1700000000000 2.5 7\n99999999999999999999 nan 99999999999999999999\n",
    b"\xff\xfes\0t\0e\0p\0\r\r\n\0\xc3\x28\xed\xa0\x80",
]
STUMBLING = [b"\0", b"\n", b"\r", b'"', b"{", b"|", b":", b"1" * 400, b"-", b"e9", b"\xff", b"," * 300]
PATHS = ["/r/a.log", "/r/a.csv", "/r/a.json", "/r/a.jsonl", "/mlruns/0/r/metrics/loss", "/r/events.out.tfevents.1.h"]


def record(generator: random.Random) -> bytes:
    """Return a TensorBoard record whose checksums are right, about a payload that may be anything."""
    tag = field(1, generator.choice([b"loss", b"", b"x" * 100, b"\xff"]))
    tensor = field(8, generator.randbytes(generator.randrange(40)))
    plugin = field(9, field(1, field(1, b"scalars")))
    value = field(1, tag + generator.choice([b"\x15\0\0\0\x40", tensor, tensor + plugin]))
    payload = b"\x09" + generator.randbytes(8) + b"\x10" + bytes([generator.randrange(128)]) + field(5, value)
    payload = generator.choice([payload, mutated(payload, generator)])
    size = struct.pack("<Q", len(payload))
    return size + struct.pack("<I", masked_crc32c(size)) + payload + struct.pack("<I", masked_crc32c(payload))


def field(number: int, payload: bytes) -> bytes:
    """Return a field of a message, of less than 128 bytes."""
    return bytes([number << 3 | 2, min(len(payload), 127)]) + payload[:127]


def mutated(data: bytes, generator: random.Random) -> bytes:
    """Return the bytes with a few of them flipped, cut out, doubled or replaced by what parsers trip over."""
    text = bytearray(data)
    for _ in range(generator.randrange(4)):
        at = generator.randrange(len(text) + 1)
        match generator.randrange(5):
            case 0 if at < len(text):
                text[at] ^= 1 << generator.randrange(8)
            case 1:
                del text[at : at + generator.randrange(20)]
            case 2:
                text[at:at] = text[at : at + generator.randrange(200)] * generator.randrange(3)
            case 3:
                text[at:at] = generator.choice(STUMBLING)
            case _:
                text[at:at] = generator.choice(string.printable).encode() * generator.randrange(50)
    return bytes(text)


def a_store() -> bytes:
    """Return the bytes of a store as MLflow makes it, with a value in it."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file, closing(sqlite3.connect(file.name)) as store:
        store.execute("PRAGMA page_size = 512")
        store.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
        store.execute("CREATE TABLE runs (run_uuid, name)")
        store.execute("INSERT INTO metrics VALUES ('loss', 2.5, 1700000000000, 'a', 1, 0)")
        store.commit()
        return Path(file.name).read_bytes()


STORE = a_store()


def an_input(generator: random.Random) -> tuple[str, bytes]:
    """Return a path and what might stand in its file."""
    path = generator.choice(PATHS)
    if generator.random() < 0.02:
        return path, STORE[:16] + mutated(STORE[16:], generator)
    if "tfevents" in path:
        return path, b"".join(record(generator) for _ in range(generator.randrange(4))) + generator.randbytes(3)
    parts = [mutated(generator.choice(TEXTS), generator) for _ in range(generator.randrange(1, 4))]
    return path, b"".join(parts) + generator.choice([b"", b"\n"])


def check(path: str, data: bytes, readers: dict[type, AnyReader]) -> None:
    """Feed one input to a reader of its own, and to one that has read all the inputs of its kind before."""
    try:
        reader = recognise(path, data)
    except FileError:
        return
    if reader is None:
        return
    for one in (reader, readers.setdefault(type(reader), msgspec.convert(msgspec.to_builtins(reader), type(reader)))):
        feed(one, data)


def feed(reader: AnyReader, data: bytes) -> None:
    """Read the input, date and tell what it says; nothing but FileError may be raised."""
    rejected: Counter = Counter()
    try:
        if isinstance(reader, MlflowStore):
            items = read_store(reader, data)
        elif isinstance(reader, JsonDocument):
            items = reader.read_all(data, rejected)
        else:
            consumed, items = reader.read(data, rejected)
            assert 0 <= consumed <= len(data)
    except FileError:
        return
    dated = Dating().date(items, Reading(1.7e9, 1.7e9, None))
    told = list(Teller("r", "0").tell(dated, rejected, live_since=float("-inf")))
    assert all(len(item.text) <= 120 for item in items if isinstance(item, Clue))
    msgspec.json.encode([item for item in told if not isinstance(item, tuple)])
    assert len({(item.rank, item.signal) for item in told if isinstance(item, tuple)}) <= MAX_SIGNALS
    assert len(rejected) < 5000


def read_store(reader: MlflowStore, data: bytes) -> list:
    """Read a store from a real file: SQLite takes no bytes."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        Path(file.name).write_bytes(data)
        try:
            return reader.read_new(file.name, 0.0)
        except OSError:
            return []


def run(count: int, seed: int = 0) -> dict[type, AnyReader]:
    """Check `count` inputs; return the readers that have read all of them, whose state is bounded."""
    generator = random.Random(seed)
    readers: dict[type, AnyReader] = {}
    for index in range(count):
        path, data = an_input(generator)
        try:
            check(path, data, readers)
        except Exception:
            print(f"input {index} of seed {seed}: {path} {data!r}", file=sys.stderr)
            raise
    for reader in readers.values():
        assert len(msgspec.json.encode(reader)) < MAX_STATE, type(reader)
    return readers


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    started, part = time.monotonic(), 10_000
    for begin in range(0, total, part):
        run(min(part, total - begin), seed=begin)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{min(begin + part, total)} inputs, {time.monotonic() - started:.0f} s, {peak} MiB at most", flush=True)
