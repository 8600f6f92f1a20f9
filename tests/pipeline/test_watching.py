"""The detectors of a rank, and what they share."""

import msgspec

from runvitals.detectors import AnyDetector
from runvitals.detectors.loss_progress import FollowsLoss, LossProgress
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.pipeline.watching import make_detectors, reconfigured_detectors
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
    """Five detectors show one progress every loss, and it is that of one who has seen each once and no layer."""
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
