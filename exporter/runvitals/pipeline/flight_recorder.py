"""The last steps of a rank, kept so that an incident can show what led to it."""

from __future__ import annotations

import msgspec

from runvitals.values import Sample

RECORDS = 64
"""So many of the newest records are told."""

MAX_RECORDS = RECORDS + 8
"""At most so many are held: the oldest are let go of a few at a time."""

RECORDS_AFTER = 16
"""So many records after an opening, the samples around it are told once more: what followed is among them then."""

MAX_SAMPLES = 64
"""Of one record; what a step reports beyond is not kept."""


class Record(msgspec.Struct):
    """The samples of one step; where there are no steps, of one moment. Columns take half the room of samples."""

    step: int | None
    run: str = ""
    rank: str = ""
    signals: list[str] = []
    times: list[float] = []
    values: list[float] = []

    def keep(self, sample: Sample) -> None:
        """Add a sample, if there is room."""
        if len(self.signals) < MAX_SAMPLES:
            self.signals.append(sample.signal)
            self.times.append(sample.time)
            self.values.append(sample.value)

    @property
    def samples(self) -> list[Sample]:
        """The samples, in their order."""
        columns = zip(self.signals, self.times, self.values, strict=True)
        return [Sample(self.run, self.rank, signal, "", time, self.step, value) for signal, time, value in columns]


class FlightRecorder(msgspec.Struct):
    """Holds the samples of the newest steps, signals of the whole rank only; `count` records have been begun."""

    records: list[Record] = []
    count: int = 0

    def observe(self, sample: Sample) -> None:
        """Keep a sample: of the newest step, or of another, which is the newest then."""
        step, records = sample.step, self.records
        newest = records[-1] if records else None
        if newest and newest.step == step and (step is not None or newest.times[:1] == [sample.time]):
            newest.keep(sample)
            return
        records.append(record := Record(step, sample.run, sample.rank))
        record.keep(sample)
        self.count += 1
        if len(records) >= MAX_RECORDS:
            del records[:-RECORDS]

    def until(self, time: float) -> tuple[Sample, ...]:
        """Return the samples of the newest records that are not younger than `time` (Unix seconds), in their order."""
        return tuple(sample for record in self.records[-RECORDS:] for sample in record.samples if sample.time <= time)
