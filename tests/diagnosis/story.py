"""A pipeline, and what is known of its findings."""

import msgspec

from runvitals.diagnosis.settings import resolve
from runvitals.pipeline import checkpoint
from runvitals.pipeline.checkpoint import Checkpoint
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Decision, Event, Finding, Sample

START = 1_000_000.0


def finding(fault, step, rank="0", time=None, **changes):
    """A critical finding of rank 0 that was seen at this step, a second after the one before."""
    when = START + (step or 0) if time is None else time
    values = {"category": "parameters", "severity": "critical", "run": "run", "confidence": 1.0}
    return Finding(
        id=f"{fault}-{rank}",
        fault=fault,
        rank=rank,
        opened_time=when,
        opened_step=step,
        evidence=[],
        first_action="",
        first_seen_time=when,
        first_seen_step=step,
        **(values | changes),
    )


class Story:
    """Samples and events go in; findings and their changes are looked at."""

    def __init__(self, overrides=None):
        self.changes = []
        self.pipeline = Pipeline(
            SeriesSettings(window=64, minimum=16), RankSettings(), resolve(overrides or {}), self.changes.append
        )

    def observe(self, items, source="ring"):
        self.pipeline.observe(items, source)
        return self

    def decide(self, action, finding, time=START + 5000.0):
        return self.observe([Decision(action, finding, time)], "operator")

    def restarted(self):
        """Return the story as another sidecar would go on with it from the saved state."""
        saved = Checkpoint(self.pipeline.state(), {}, 0.0)
        data = msgspec.msgpack.encode(saved, enc_hook=checkpoint._encode)
        other = Story()
        other.pipeline.restore(msgspec.msgpack.decode(data, type=Checkpoint, dec_hook=checkpoint._decode).pipeline)
        return other

    def findings(self):
        return {(one.fault, one.rank): one for one in self.pipeline.findings()}

    def finding(self, fault, rank="0"):
        return self.findings()[fault, rank]

    def active(self, now=START + 100_000.0):
        """Return the faults that `/metrics` shows as active, with their ranks."""
        ranks = self.pipeline.snapshot(now, (), ready=True).ranks
        return {(fault, rank.rank) for rank in ranks for (fault, _, _), on in rank.fault_active.items() if on}

    def told(self, fault, rank="0"):
        """Return what the journal is told of a finding."""
        found = [one for one in self.changes if (one.finding.fault, one.finding.rank) == (fault, rank)]
        return [one.sentence for one in found if one.sentence]


def step_of(step, rank="0", time=None, **values):
    """The samples of one step, in one record."""
    when = START + step if time is None else time
    return [Sample("run", rank, signal, "", when, step, value) for signal, value in values.items()]


def event(kind, time, step=None, text="", rank="0"):
    return Event(kind, "run", rank, START + time, step, text)
