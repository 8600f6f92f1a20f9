"""The detectors of a rank, and what they share."""

import msgspec
import pytest

from runvitals.detectors import AnyDetector
from runvitals.detectors.loss_progress import FollowsLoss, LossProgress
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.pipeline.watching import (
    ONLY_FOLLOWING,
    WATCHED,
    WATCHED_LAYERS,
    make_detectors,
    reconfigured_detectors,
)
from runvitals.series import SeriesSettings, SeriesStore
from tests.streams import healthy, samples

TABLE = resolve({})


def progress_of(detectors):
    return [one.progress for one in detectors.values() if isinstance(one, FollowsLoss)]


def saved_and_loaded(detectors):
    def encoded(value):
        return [value.size, *value.values()]

    def decoded(kind, data):
        return kind(data[0], data[1:])

    data = msgspec.msgpack.encode(detectors, enc_hook=encoded)
    return msgspec.msgpack.decode(data, type=dict[str, AnyDetector], dec_hook=decoded)


def test_what_follows_the_loss_follows_it_together_and_takes_each_loss_once():
    """Five detectors share one progress, and it is that of one who has seen every loss once and no layer."""
    pipeline, store = Pipeline(SeriesSettings(), RankSettings(), TABLE), SeriesStore(SeriesSettings())
    losses = samples("loss", [*healthy(150), float("nan"), *healthy(20)])
    alone = LossProgress()
    for item in losses:
        pipeline.observe([item, item._replace(layer="head", value=100.0)], "test")
        series = store.get(item, "test")
        alone.observe(item, series, series.admit(item, store.settings))
    [first, *others] = progress_of(pipeline.rank_of(losses[0]).detectors)
    assert len(others) == 4
    assert all(one is first for one in others)
    assert first == alone


def test_they_follow_it_together_after_a_restart_too():
    """A saved state holds a copy for each; what is loaded shares one again."""
    pipeline = Pipeline(SeriesSettings(), RankSettings(), TABLE)
    losses = samples("loss", healthy(50))
    pipeline.observe(losses, "test")
    known = pipeline.rank_of(losses[0]).detectors
    loaded = saved_and_loaded(known)
    [first, *others] = progress_of(reconfigured_detectors(loaded, TABLE))
    assert first == progress_of(known)[0]
    assert all(one is first for one in others)
    assert all(one is not first for one in progress_of(make_detectors(TABLE)))


@pytest.mark.parametrize("name", sorted(ONLY_FOLLOWING))
def test_what_only_follows_the_loss_misses_nothing_by_not_being_shown_it(name):
    """Shown a loss all the same, it says nothing and learns nothing but the progress that it shares."""
    assert name not in WATCHED["loss"] + WATCHED_LAYERS.get("loss", ())
    shown, fresh = make_detectors(TABLE)[name], make_detectors(TABLE)[name]
    store = SeriesStore(SeriesSettings())
    for item in samples("loss", [*healthy(80), float("nan"), -1.0, 0.0, 1e300, *healthy(20)]):
        for one in (item, item._replace(layer="head")):
            series = store.get(one, "test")
            if one.step == 90:
                series.start_segment()
            assert shown.observe(one, series, series.admit(one, store.settings)) is None
    assert shown.progress != fresh.progress
    shown.progress = fresh.progress
    assert shown == fresh


def test_what_follows_the_loss_sees_it_where_it_is_shown_to_others_alone():
    """They know of every loss of the run."""
    pipeline = Pipeline(SeriesSettings(), RankSettings(), TABLE)
    losses = samples("loss", healthy(50))
    pipeline.observe(losses, "test")
    detectors = pipeline.rank_of(losses[0]).detectors
    assert {name: detectors[name].progress.count for name in ONLY_FOLLOWING} == dict.fromkeys(ONLY_FOLLOWING, 50)
