"""A ring file may hold any bytes: the reader answers with values, counts or one clear error, in bounded time."""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvitals.client.ring_creation import create_ring
from runvitals.client.ring_format import (
    CLOSE,
    EVENT,
    FRAME,
    FRAME_BYTES,
    HEADER_BYTES,
    NAMES,
    Header,
    NotARingError,
    decode_header,
    encode_header,
)
from runvitals.client.run import Run
from runvitals.sources.ring import RingSettings, RingSource, read_ring
from runvitals.sources.ring.cursor import Frame, RingCursor
from runvitals.values import Event, EventKind, Sample

RING_BYTES = HEADER_BYTES + (16 << 10)
HEADER = Header("r", "0", 1, 1, 0, 0, "", "h", 0.0, 0.0, RING_BYTES, locked=False)
REASONS = {"truncated", "not_a_ring", "unsupported_version", "damaged_header"}
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def ring() -> bytes:
    """A small ring that was written for several laps and then closed."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNVITALS_RUNS_DIR", folder)
        with Run(create_ring("r", "0", 1, RING_BYTES)) as run:
            for step in range(700):
                run.log(step=step, loss=step * 0.5, double=step * 1.0)
                if step % 10 == 0:
                    run.mark("phase", str(step))
                    run.log(step=step, layer=f"layer{step % 3}", grad_norm=step * 2.0, bad=None)
        return next(Path(folder).glob("*.ring")).read_bytes()


def read(path: Path, data: bytes) -> list[Sample | Event]:
    path.write_bytes(data)
    return list(read_ring(path))


def assert_true(items: list[Sample | Event]) -> None:
    factors = {"loss": 0.5, "double": 1.0, "grad_norm": 2.0}
    for item in items:
        if isinstance(item, Sample):
            assert item.value == (item.step or 0) * factors[item.signal]


def test_a_ring_of_several_laps(ring: bytes, tmp_path: Path) -> None:
    """The newest records are all there, in order, with names that were announced laps ago."""
    items = read(tmp_path / "r.ring", ring)
    assert_true(items)
    steps = [item.step for item in items if isinstance(item, Sample) and item.signal == "loss"]
    assert steps == list(range(700 - len(steps), 700))
    assert len(steps) > 50


@BOUNDED
@given(
    damage=st.lists(
        st.tuples(st.integers(HEADER_BYTES, RING_BYTES - 1), st.binary(min_size=1, max_size=64)), max_size=8
    )
)
def test_damage_anywhere_never_becomes_a_value(ring: bytes, tmp_path: Path, damage: list[tuple[int, bytes]]) -> None:
    """Bytes that were overwritten with anything cost the records they hit, and no value is ever wrong."""
    data = bytearray(ring)
    for place, noise in damage:
        data[place : place + len(noise)] = noise
    assert_true(read(tmp_path / "r.ring", bytes(data[:RING_BYTES])))


@BOUNDED
@given(rotation=st.integers(1, (RING_BYTES - HEADER_BYTES) // 8 - 1))
def test_frames_at_the_wrong_place_do_not_count(ring: bytes, tmp_path: Path, rotation: int) -> None:
    """A frame counts at its own place only: a ring whose data were moved holds nothing."""
    data = ring[HEADER_BYTES:]
    moved = ring[:HEADER_BYTES] + data[8 * rotation :] + data[: 8 * rotation]
    assert not [item for item in read(tmp_path / "r.ring", moved) if isinstance(item, Sample)]


@BOUNDED
@given(noise=st.binary(max_size=6000), keep=st.integers(0, HEADER_BYTES))
def test_any_bytes_are_a_ring_or_one_clear_error(ring: bytes, tmp_path: Path, noise: bytes, keep: int) -> None:
    """Random bytes, with more or less of a true header before them, are refused with an error that names the file."""
    path = tmp_path / "noise.ring"
    with pytest.raises(NotARingError, match=f"^{path}: ") as error:
        read(path, ring[:keep] + noise)
    assert error.value.reason in REASONS


@BOUNDED
@given(text=st.binary(max_size=300))
def test_any_header(text: bytes) -> None:
    """A header with a true checksum over any text is decoded or refused, and nothing else happens."""
    block = struct.pack("<8sIII", b"RVRING\r\n", 1, len(text), crc32(text)) + text
    with pytest.raises(NotARingError):
        decode_header(block.ljust(HEADER_BYTES, b"\0"), RING_BYTES)


FRAMES = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.binary(max_size=200),
        st.integers(0, 65535),
        st.integers(0, 65535),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.sampled_from([0] * 30 + [1, 2**64 - 1]),
    ),
    max_size=30,
)


def forged(
    offset: int,
    kind: int,
    payload: bytes = b"",
    size: int = 0,
    layer: int = 0,
    step: int = 0,
    wall: float = 1e9,
    sequence: int = 0,
) -> bytes:
    """A frame with a true checksum."""
    padded = payload + bytes(-len(payload) % 8)
    length = FRAME_BYTES + len(padded)
    frame = FRAME.pack(0, length, offset, sequence, wall, 0.0, step, kind, size, layer)[4:] + padded
    return struct.pack("<I", crc32(frame)) + frame


@BOUNDED
@given(frames=FRAMES)
def test_true_frames_that_hold_nonsense(ring: bytes, tmp_path: Path, frames: list[tuple[object, ...]]) -> None:
    """Frames with a true checksum around anything are counted or become harmless values; the source never stops."""
    path = tmp_path / "r.ring"
    data = b""
    for kind, payload, size, layer, step, wall, sequence in frames:
        data += forged(len(data), kind, payload, size, layer, step, wall, sequence)  # type: ignore[arg-type]
    path.write_bytes((ring[:HEADER_BYTES] + data).ljust(RING_BYTES, b"\0")[:RING_BYTES])
    source = RingSource(RingSettings(folders=(str(tmp_path),)))
    for _ in range(3):
        poll = source.poll(1e9)  # before the ring's start: as if it had been made while the source looked
        for item in poll.items:
            if isinstance(item, Sample):
                assert 0 < item.time < 1e11
                assert item.step is None or item.step >= 0
                assert len(item.signal) <= 200
        msgspec.msgpack.encode(poll.position)  # or no source's position could be saved any more
        source.restore(poll.position)
        assert all(count > 0 for count in poll.rejected.values())
    source.close()
    path.unlink()


def test_a_hostile_ring_takes_bounded_time(ring: bytes, tmp_path: Path) -> None:
    """A ring made to be searched through again and again does not hold the source up."""
    data = bytearray(os.urandom(RING_BYTES - HEADER_BYTES))
    capacity = len(data)
    for place in range(0, capacity - 8, 8):
        struct.pack_into("<Q", data, place, capacity * 1000 + (place - 8) % capacity)
    path = tmp_path / "r.ring"
    assert len(read(path, ring[:HEADER_BYTES] + bytes(data))) <= 2


def test_a_ring_of_islands_takes_bounded_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lapped ring of frames with gaps between them, each to be searched for, takes a few searches of each read."""
    capacity = RING_BYTES - HEADER_BYTES
    data = bytearray(forged(2 * capacity, NAMES).ljust(capacity, b"\0"))
    islands = range(capacity + 1024, 2 * capacity - FRAME_BYTES, 128)
    for offset in islands:
        data[offset - capacity : offset - capacity + FRAME_BYTES] = forged(offset, EVENT)
    path = tmp_path / "r.ring"
    path.write_bytes(bytes(HEADER_BYTES) + data)
    searches = 0
    search = RingCursor._take_oldest

    def counted(cursor: RingCursor, limit: int, frames: list[Frame]) -> int:
        nonlocal searches
        searches += 1
        return search(cursor, limit, frames)

    monkeypatch.setattr(RingCursor, "_take_oldest", counted)
    with path.open("rb") as file:
        cursor = RingCursor(file.fileno(), HEADER)
        frames = cursor.read(1 << 20)
        assert (cursor.exhausted, searches <= 2) == (False, True)
        while not cursor.exhausted:
            frames += cursor.read(1 << 20)
    assert sum(frame.kind == EVENT for frame in frames) == len(islands)


def test_a_forged_count_is_no_loss(ring: bytes, tmp_path: Path) -> None:
    """A frame that claims more records before it than there was room for counts for nothing."""
    path = tmp_path / "r.ring"
    path.write_bytes((ring[:HEADER_BYTES] + forged(0, EVENT, sequence=2**64 - 1)).ljust(RING_BYTES, b"\0"))
    source = RingSource(RingSettings(folders=(str(tmp_path),)))
    poll = source.poll(1e9)
    source.close()
    assert "overwritten" not in poll.rejected
    assert not [item for item in poll.items if isinstance(item, Event) and item.kind is EventKind.MARK]


def test_forged_texts_are_cut(ring: bytes, tmp_path: Path) -> None:
    """Whoever writes the bytes of a mark and of the end, the reader takes no more of them than a client would give."""
    data = forged(0, EVENT, b"k" * 9000 + b"\0" + b"t" * 9000, size=18_001)
    data += forged(len(data), CLOSE, b"exception:" + b"E" * 9000, size=9010)
    path = tmp_path / "r.ring"
    size = HEADER_BYTES + (32 << 10)
    path.write_bytes((encode_header(HEADER._replace(ring_bytes=size)) + data).ljust(size, b"\0"))
    _, mark, end = read_ring(path)
    assert isinstance(mark, Event)
    assert isinstance(end, Event)
    assert (len(mark.text), len(mark.fields["kind"]), len(end.text)) == (1000, 50, 50)


def test_a_header_with_a_long_name_is_refused() -> None:
    """No client writes one, and every label would hold it."""
    with pytest.raises(NotARingError, match="too long"):
        decode_header(encode_header(HEADER._replace(run="r" * 300)), RING_BYTES)
