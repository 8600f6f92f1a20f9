"""What is known of one step of a recording."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from runvitals.cli.explain.steps import Steps
from runvitals.cli.replaying import SOURCE, Replay
from runvitals.pipeline.explaining import UNSCORED, Taken, explain_rank, explain_signal, take_in
from runvitals.pipeline.explanation import RankExplanation, SignalExplanation
from runvitals.series import SeriesSettings
from runvitals.values import Sample

MAX_SIGNALS = 256
MAX_NAMES = 20

_Place = tuple[str, str, str, str]


class Inquiry(NamedTuple):
    """What is asked for; None stands for every one."""

    step: int
    run: str | None = None
    rank: str | None = None
    signal: str | None = None
    layer: str | None = None

    def concerns(self, sample: Sample) -> bool:
        """Return whether the sample is of the series asked for, at whatever step."""
        asked = (self.run, self.rank, self.signal, self.layer)
        return all(want is None or want == have for want, have in zip(asked, _place(sample), strict=True))


class Answer(msgspec.Struct):
    """The explanation of a step.

    `left_out` counts the values that were too many, or over a limit of the pipeline; `others` names some series that
    are there but were not asked for; without `has_times`, times are those that were counted.

    Where a run went back, the step comes more than once: the last that was scored is explained.
    """

    file: str
    step: int
    steps: Steps
    signals: list[SignalExplanation] = []
    ranks: list[RankExplanation] = []
    left_out: int = 0
    has_times: bool = True
    others: set[str] = set()

    def missing(self, inquiry: Inquiry) -> str:
        """Return why there is nothing to explain, and what there is."""
        if self.steps.count:
            return f"no step {inquiry.step}: {self.steps.sentence()}"
        if self.steps.without:
            return "its values have no steps: there is no step to explain"
        return f"nothing of that run, rank, signal and layer; there are: {', '.join(sorted(self.others)) or 'none'}"


def answer(replay: Replay, settings: SeriesSettings, inquiry: Inquiry) -> Answer:
    """Replay a recording to its end and return what was known at the step, no later."""
    found = Answer(str(replay.recording.path), inquiry.step, Steps(inquiry.step))
    taken: dict[_Place, Taken] = {}
    ranks: dict[tuple[str, str], RankExplanation] = {}
    for pipeline, item in replay:
        if not (isinstance(item, Sample) and _is_asked(found, inquiry, item)):
            pipeline.observe([item], SOURCE)
            continue
        one, place = take_in(pipeline, item, SOURCE, settings, replay.table), _place(item)
        rank = pipeline.rank_of(item)
        if one is None or rank is None or (len(taken) >= MAX_SIGNALS and place not in taken):
            found.left_out += 1
            continue
        ranks[item.run, item.rank] = explain_rank(rank)
        if place not in taken or one.before.admission not in UNSCORED:
            taken[place] = one
    found.has_times = replay.recording.has_times
    found.signals = [explain_signal(taken[place], replay.table) for place in sorted(taken, key=_order)]
    found.ranks = [ranks[place] for place in sorted(ranks)]
    return found


def _is_asked(found: Answer, inquiry: Inquiry, sample: Sample) -> bool:
    """Note which steps and names there are; return whether this sample is to be explained."""
    if not inquiry.concerns(sample):
        if len(found.others) < MAX_NAMES:
            found.others.add(" ".join(filter(None, (sample.run, "rank", sample.rank, sample.signal, sample.layer))))
        return False
    found.steps.note(sample.step)
    return sample.step == inquiry.step


def _place(sample: Sample) -> _Place:
    return sample.run, sample.rank, sample.signal, sample.layer


def _order(place: _Place) -> tuple[str, str, bool, str, str]:
    """Signals of the whole rank come first."""
    run, rank, signal, layer = place
    return run, rank, bool(layer), signal, layer
