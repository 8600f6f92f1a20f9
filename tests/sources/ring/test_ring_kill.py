"""Writers and readers are killed in the middle of their work, many times, with SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from zlib import crc32

import pytest

from runvitals.client.ring_format import FRAME, FRAME_BYTES, HEADER_BYTES, SCALARS
from runvitals.sources.ring import RingSettings, RingSource, read_ring
from runvitals.values import Event, EventKind, Sample
from tests.sources.ring.ring_writers import ENDLESS, writing

ROUNDS = 25


def assert_belongs_together(items: list[Sample | Event]) -> None:
    """Every value must be what the writer computed for its step: a torn one would not be."""
    for item in items:
        if isinstance(item, Sample):
            step = item.step or 0
            expected = {"loss": step * 0.5, "grad_norm": step * 3.0, "check": step * 3.5}.get(item.signal, step * 1.0)
            assert item.value == expected, item


def committed_scalars(path: Path) -> int:
    """Count the whole records in a ring file, by looking at every place: what the reader must find."""
    data = path.read_bytes()[HEADER_BYTES:]
    count = 0
    for place in range(0, len(data) - FRAME_BYTES, 8):
        checksum, length, offset, _, _, _, _, kind, size, _ = FRAME.unpack_from(data, place)
        whole = FRAME_BYTES <= length <= len(data) - place and offset % len(data) == place
        if whole and crc32(data[place + 4 : place + length]) == checksum and kind == SCALARS:
            count += size
    return count


@pytest.mark.slow
def test_every_whole_record_of_a_killed_writer_is_read_and_no_torn_one(tmp_path: Path) -> None:
    """However a writer is killed, each value that was completely written is read, and no other."""
    chance = random.Random(20240229)
    laps = 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        with writing(folder, script=ENDLESS) as writer:
            time.sleep(chance.uniform(0.0, 0.25))
            writer.kill()
        path = next(folder.glob("*.ring"))
        items = list(read_ring(path))
        assert_belongs_together(items)
        samples = [item for item in items if isinstance(item, Sample)]
        assert len(samples) == committed_scalars(path)
        assert isinstance(items[-1], Event)
        assert items[-1].kind is EventKind.RUN_CRASHED
        laps += bool(samples) and (samples[0].step or 0) > 1
    print(f"{ROUNDS} writers killed, {laps} of them after the first lap")
    assert laps > 0


def test_a_writer_that_dies_at_any_byte(tmp_path: Path) -> None:
    """Wherever the last frame is torn, what came before it is read, and nothing of it."""
    with writing(tmp_path) as writer:
        writer.do("for step in range(50): run.log(step=step, loss=step * 0.5)")
        writer.kill()
    path = next(tmp_path.glob("*.ring"))
    whole = path.read_bytes()
    items = list(read_ring(path))
    last_offset = max(
        HEADER_BYTES + place
        for place in range(0, 50 * 80 + 400, 8)
        if struct.unpack_from("<Q", whole, HEADER_BYTES + place + 8)[0] == place and whole[HEADER_BYTES + place + 48]
    )
    for torn_at in range(last_offset, last_offset + FRAME_BYTES + 16):
        path.write_bytes(whole[:torn_at] + bytes([whole[torn_at] ^ 0x55]) + whole[torn_at + 1 :])
        assert list(read_ring(path))[:-1] == items[:-2]
    zeroed = whole[:last_offset] + bytes(len(whole) - last_offset)
    path.write_bytes(zeroed)
    assert list(read_ring(path))[:-1] == items[:-2]


def test_a_frame_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    """After the writer's end what follows a damaged frame is read, and the damaged one is counted."""
    with writing(tmp_path) as writer:
        source = RingSource(RingSettings(folders=(str(tmp_path),)))
        writer.do("for step in range(50): run.log(step=step, loss=step * 0.5)")
        path = next(tmp_path.glob("*.ring"))
        whole = path.read_bytes()
        frame = whole.rindex(struct.pack("<d", 10.0))  # the loss of step 20
        descriptor = os.open(path, os.O_WRONLY)
        os.pwrite(descriptor, b"\xff", frame)
        os.close(descriptor)
        live = source.poll(time.time())
        writer.kill()
        dead = source.poll(time.time())
        source.close()
    assert [item.step for item in live.items if isinstance(item, Sample)] == list(range(20))
    assert [item.step for item in dead.items if isinstance(item, Sample)] == list(range(21, 50))
    assert dead.rejected == {"overwritten": 1}


READER = """
import json, os, sys, time
from runvitals.sources.ring import RingSettings, RingSource
from runvitals.values import Sample
source = RingSource(RingSettings(folders=(sys.argv[1],), max_bytes_per_poll=20000))
state = sys.argv[2]
if os.path.exists(state):
    saved = json.load(open(state))
    source.restore(saved["position"])
else:
    saved = {"steps": []}
while True:
    poll = source.poll(time.time())
    saved["steps"] += [item.step for item in poll.items if isinstance(item, Sample) and item.signal == "loss"]
    saved["position"] = poll.position
    saved["overwritten"] = saved.get("overwritten", 0) + poll.rejected.get("overwritten", 0)
    saved["ended"] = saved.get("ended", 0) + any(getattr(item, "kind", "") == "run_finished" for item in poll.items)
    with open(state + ".new", "w") as file:
        json.dump(saved, file)
    os.rename(state + ".new", state)
    if saved["ended"]:
        print("ended", flush=True)
        break
    time.sleep(0.002)
"""
"""Polls and saves what it read together with its position, as the sidecar does, until it is killed."""


@pytest.mark.slow
def test_a_reader_that_is_killed_again_and_again(tmp_path: Path) -> None:
    """With its position saved, a killed reader reads every record once, as long as the ring still holds it."""
    import json

    chance = random.Random(7)
    runs, state = tmp_path / "runs", tmp_path / "state.json"
    total, kills = 4000, 0
    script = f"""
import sys, time, runvitals
run = runvitals.watch(sys.argv[1], rank=int(sys.argv[2]))
print("ready", flush=True)
for step in range({total}):
    run.log(step=step, loss=step * 0.5, other=1.0)
    time.sleep(0.0005)
"""
    with writing(runs, script=script):
        while True:
            with subprocess.Popen(
                [sys.executable, "-c", READER, str(runs), str(state)], stdout=subprocess.PIPE, text=True
            ) as reader:
                try:
                    output, _ = reader.communicate(timeout=chance.uniform(0.3, 0.9))
                except subprocess.TimeoutExpired:
                    reader.send_signal(signal.SIGKILL)
                    reader.communicate()
                    kills += 1
                    continue
            assert output == "ended\n"
            break
    saved = json.loads(state.read_text())
    print(f"{kills} readers killed, {len(saved['steps'])} steps read")
    assert kills > 1
    assert saved["steps"] == list(range(total))
    assert saved["overwritten"] == 0
    assert saved["ended"] == 1
