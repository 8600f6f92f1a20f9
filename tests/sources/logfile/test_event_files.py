"""TensorBoard event files: the same scalars as TensorBoard's own reader finds, checksums verified, files that grow."""

import math
from collections import Counter

import pytest

from runvitals.sources.logfile.crc32c import crc32c
from runvitals.sources.logfile.errors import DamagedFileError
from runvitals.sources.logfile.event_file import MAX_RECORD, EventFile
from runvitals.sources.logfile.reasons import Reason
from tests.sources.logfile.following import Watch, event, frame, losses
from tests.sources.logfile.reading import recorded, rows

REAL = [
    "torch-strict-run1.events.out.tfevents.1622543341.janoshs-mbp.lan.86862.0",
    "torch-duplicate-steps.events.out.tfevents.1622966509.janoshs-mbp.lan.86059.0",
    "torch-detectron2.events.out.tfevents.1729238878.Chang.23300.2",
    "tf2-summary-scalar.events.out.tfevents.1585499054.Jaakkos-Mac-mini.local.11684.5.v2",
    "tf2-keras-callback-train.events.out.tfevents.1585231889.LEMON.12072.235.v2",
    "tf2.21-keras3-callback_GENERATED/train/events.out.tfevents.1795285754.vm.17490.0.v2",
    "tensorboardX_GENERATED/events.out.tfevents.1795285559.vm",
    "DERIVED-truncated-tail.events.out.tfevents.1622543341.janoshs-mbp.lan.86862.0",
]


def read(data):
    rejected = Counter()
    consumed, found = EventFile().read(data, rejected)
    return consumed, [(row.step, row.time, dict(row.values)) for row in found], rejected


def test_crc32c_of_the_published_vectors():
    """RFC 3720, appendix B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


def scalars_of_tensorboard(path):
    """Return (tag, step, wall time, value) as TensorBoard's own reader gives them."""
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader", reason="no TensorBoard here")
    from tensorboard.util import tensor_util

    found, plugins = [], {}
    for one in loader.EventFileLoader(str(path)).Load():
        for value in one.summary.value:
            plugins.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
            if plugins[value.tag] == "scalars":
                number = float(tensor_util.make_ndarray(value.tensor).item())
                found.append((value.tag, one.step, one.wall_time, number))
    return found


@pytest.mark.filterwarnings("ignore")  # what TensorBoard's reader warns of is not ours
@pytest.mark.parametrize("name", REAL)
def test_as_exact_as_tensorboards_own_reader(name, monkeypatch):
    """Each scalar of either kind: tag, step, time and value to the last bit, and none besides."""
    path = recorded(f"tfevents/{name}")
    from runvitals.sources.logfile import claims
    from runvitals.sources.logfile.units import Quantity

    expected = scalars_of_tensorboard(path)
    monkeypatch.setattr(claims, "quantity", Quantity)  # compare under the foreign names
    ours = [(tag, row.step, row.time, value) for row in rows(path) for tag, value in row.values.items()]
    assert repr(sorted(ours, key=repr)) == repr(sorted(expected, key=repr))
    assert len(ours) >= 9


def test_real_scalars_under_canonical_names():
    """TensorBoard tags of trainers become canonical signals; NaN and infinity are kept."""
    found = rows(recorded("tfevents/tensorboardX_GENERATED/events.out.tfevents.1795285559.vm"))
    first = next(row for row in found if "loss" in row.values)
    assert (first.step, first.values["loss"]) == (0, 3.0161917209625244)
    values = [value for row in found for value in row.values.values()]
    assert any(map(math.isnan, values))
    assert any(map(math.isinf, values))


def test_what_keras_validates_on_is_not_the_training_loss(tmp_path):
    """Keras writes the same tags into `train/` and `validation/`."""
    for folder in ("train", "validation"):
        (tmp_path / "r" / folder).mkdir(parents=True)
        (tmp_path / "r" / folder / "events.out.tfevents.1.h").write_bytes(event("epoch_loss", 1, 0.5))
    items = Watch(tmp_path / "*" / "*" / "events*", start="beginning", at=1.8e9).poll()
    assert sorted((one.run, one.signal) for one in items) == [("r", "eval_loss"), ("r", "loss")]


def test_two_tags_that_mean_the_same_are_not_mixed():
    """The first keeps the canonical name."""
    _, found, _ = read(event("train/loss", 1, 0.5) + event("train_loss_step", 1, 0.25) + event("train/loss", 2, 1.0))
    assert [values for _, _, values in found] == [{"loss": 0.5}, {"train_loss_step": 0.25}, {"loss": 1.0}]


@pytest.mark.parametrize("cut", range(0, 42, 5))
def test_a_truncated_tail_waits_until_it_is_whole(cut):
    """Cut anywhere, a record is neither told nor damaged; the first record is told in full."""
    first, second = event("loss", 1, 0.5), event("loss", 2, 0.25)
    consumed, found, rejected = read(first + second[:cut])
    assert (consumed, found, rejected) == (len(first), [(1, 1.7e9, {"loss": 0.5})], {})


def test_a_payload_that_fails_its_checksum_is_counted_and_passed_over():
    """The length is verified by itself, so what follows is read."""
    damaged = bytearray(event("loss", 1, 0.5))
    damaged[20] ^= 1
    _, found, rejected = read(bytes(damaged) + event("loss", 2, 0.25))
    assert found == [(2, 1.7e9, {"loss": 0.25})]
    assert rejected == {(Reason.DAMAGED_RECORD, ""): 1}


def test_a_length_that_fails_its_checksum_ends_the_file():
    """Where the next record begins cannot be known: what came before is told, then the file is damaged."""
    damaged = event("loss", 1, 0.5) + bytes(40)
    consumed, found, _ = read(damaged)
    assert len(found) == 1
    with pytest.raises(DamagedFileError):
        read(damaged[consumed:])


def test_long_records_are_passed_over_in_bounded_memory():
    """Images and graphs are longer than any scalar; they are skipped however the file is cut."""
    data = frame(b"\x2a" + b"x" * (MAX_RECORD + 5)) + event("loss", 2, 0.25)
    file, found, at = EventFile(), [], 0
    for end in (100, 100_000, len(data)):
        consumed, some = file.read(data[at:end], Counter())
        at, found = at + consumed, found + some
    assert (at, [row.step for row in found]) == (len(data), [2])


def test_a_growing_file_is_followed(tmp_path):
    """Record by record, also over a restart, and not begun anew."""
    path = tmp_path / "events.out.tfevents.1.h"
    path.write_bytes(event("loss", 1, 0.5) + event("loss", 2, 0.25)[:30])
    watch = Watch(path, start="beginning", at=1.8e9)
    assert losses(watch.poll()) == [(1, 0.5)]
    with path.open("ab") as file:
        file.write(event("loss", 2, 0.25)[30:] + event("loss", 3, 0.125))
    items = watch.restarted().poll()
    assert losses(items) == [(2, 0.25), (3, 0.125)]
    assert {one.time for one in items} == {1.7e9}
