"""Columns of a log, through the whole pipeline."""

import msgspec

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline.pipeline import Pipeline, PipelineState, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Event, Sample

TABLE = resolve({})


def new_pipeline():
    return Pipeline(SeriesSettings(), RankSettings(), TABLE)


def restarted(pipeline):
    """The same, after its state was saved and read back."""
    saved = msgspec.msgpack.encode(pipeline.state(), enc_hook=checkpoint._encode)
    again = new_pipeline()
    again.restore(msgspec.msgpack.decode(saved, type=PipelineState, dec_hook=checkpoint._decode))
    return again


def items_of(columns, events=(), first_step=0):
    """Samples, step by step, of columns by signal, or by (signal, layer); None leaves a step out."""
    items = []
    happened = list(events)
    for index, values in enumerate(zip(*columns.values(), strict=True)):
        step = first_step + index
        time = 1e6 + step
        while happened and happened[0][1] == step:
            kind, _, text = happened.pop(0)
            items.append(Event(kind, "run", "0", time, step=step, text=text))
        for name, value in zip(columns, values, strict=True):
            signal, layer = name if isinstance(name, tuple) else (name, "")
            if value is not None:
                items.append(Sample("run", "0", signal, layer, time, step, float(value)))
    return items


def findings(fault, columns, *, events=(), restart_at=None):
    """Findings of a fault in such columns, in the order of opening; with a restart before item `restart_at`."""
    items = items_of(columns, events)
    pipeline = new_pipeline()
    pipeline.observe(items[:restart_at], "test")
    if restart_at is not None:
        pipeline = restarted(pipeline)
        pipeline.observe(items[restart_at:], "test")
    return sorted((one for one in pipeline.findings() if one.fault == fault), key=lambda one: one.opened_time)


def state_of(fault, columns):
    """What is known of the fault after such columns: the states of its trackers."""
    pipeline = new_pipeline()
    items = items_of(columns)
    pipeline.observe(items, "test")
    trackers = pipeline.rank_of(next(item for item in items if isinstance(item, Sample))).diagnosis.trackers
    return {tracker.last for tracker in trackers.get(fault, {}).values()}
