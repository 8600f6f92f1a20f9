"""What is saved is what was known; what is not ours is refused."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline.checkpoint import Checkpoint, CheckpointError
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from tests.streams import any_items

NOW = 1_010_000.0


def new_pipeline():
    return Pipeline(SeriesSettings(window=32, minimum=8), RankSettings(), resolve({}))


def page(pipeline):
    """The page without the last digits, which may differ where sums were taken anew."""
    return rounded(pipeline.snapshot(NOW, (), ready=True))


def rounded(data):
    if isinstance(data, msgspec.Struct):
        return {name: rounded(getattr(data, name)) for name in data.__struct_fields__}
    if isinstance(data, dict):
        return {str(key): rounded(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [rounded(value) for value in data]
    return f"{data:.5g}" if isinstance(data, float) else data


@given(any_items(), any_items())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_restored_pipeline_goes_on_as_if_nothing_had_happened(tmp_path, before, after):
    """Saved, loaded and fed the rest, it shows what the uninterrupted one shows."""
    one, file = new_pipeline(), tmp_path / "state.msgpack"
    one.observe(before, "test")
    checkpoint.save(file, Checkpoint(one.state(), {"ring": {"a": 1}}, NOW))
    loaded = checkpoint.load(file)
    other = new_pipeline()
    other.restore(loaded.pipeline)
    assert loaded.positions == {"ring": {"a": 1}}
    one.observe(after, "test")
    other.observe(after, "test")
    assert page(other) == page(one)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_by_name(tmp_path, data):
    """Random bytes are no state; the error names the file."""
    file = tmp_path / "state.msgpack"
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"state\.msgpack"):
        checkpoint.load(file)


def test_every_truncation_is_refused(tmp_path):
    """A file that ends anywhere before its end is damaged, never half a state."""
    pipeline, file = new_pipeline(), tmp_path / "state.msgpack"
    checkpoint.save(file, Checkpoint(pipeline.state(), {}, NOW))
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            checkpoint.load(file)


def test_a_newer_version_is_refused_by_its_number(tmp_path):
    """What a later runvitals wrote is not guessed at."""
    file = tmp_path / "state.msgpack"
    checkpoint.save(file, Checkpoint(new_pipeline().state(), {}, NOW, version=99))
    with pytest.raises(CheckpointError, match="version 99"):
        checkpoint.load(file)


def test_no_file_is_no_state(tmp_path):
    """A first start has nothing to restore."""
    assert checkpoint.load(tmp_path / "state.msgpack") is None


def test_the_old_state_stays_when_the_new_one_cannot_be_written(tmp_path):
    """A failed save leaves the file as it was."""
    file = tmp_path / "state.msgpack"
    checkpoint.save(file, Checkpoint(new_pipeline().state(), {"a": 1}, NOW))
    (tmp_path / "state.new").mkdir()
    with pytest.raises(OSError, match="state"):
        checkpoint.save(file, Checkpoint(new_pipeline().state(), {"a": 2}, NOW))
    assert checkpoint.load(file).positions == {"a": 1}
