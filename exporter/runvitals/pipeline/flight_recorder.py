"""The last steps of a rank, kept so that an incident can show what led to it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runvitals.values import ChangeKind, Finding, IncidentChange, Sample

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
            _, _, signal, _, time, _, value = sample
            self.signals.append(signal)
            self.times.append(time)
            self.values.append(value)

    @property
    def samples(self) -> list[Sample]:
        """The samples, in their order."""
        columns = zip(self.signals, self.times, self.values, strict=True)
        return [Sample(self.run, self.rank, signal, "", time, self.step, value) for signal, time, value in columns]


class FlightRecorder(msgspec.Struct):
    """Holds the samples of the newest steps, signals of the whole rank only; `count` records have been begun.

    `onsets` holds, by finding, how far `count` must have come until what followed the opening is told too. `early` are
    samples of one moment whose step the rank has not come to: it does with a later one of the same record, or never.
    """

    records: list[Record] = []
    count: int = 0
    onsets: dict[str, int] = {}
    early: list[Sample] = []

    def await_step(self, sample: Sample) -> None:
        """Keep a sample for the case that the rank comes to its step."""
        if self.early and self.early[0].time != sample.time:
            self.early.clear()
        if len(self.early) < MAX_SAMPLES:
            self.early.append(sample)

    def observe(self, sample: Sample) -> None:
        """Keep a sample: of the newest step, or of another, which is the newest then."""
        if self.early:
            early, self.early = self.early, []
            for one in early:
                if (one.step, one.time) == (sample.step, sample.time):
                    self._record_of(one).keep(one)
        self._record_of(sample).keep(sample)

    def _record_of(self, sample: Sample) -> Record:
        """Return the record that a sample belongs to, the newest or a new one."""
        _, _, _, _, time, step, _ = sample
        records = self.records
        if records:
            newest = records[-1]
            if newest.step == step and (step is not None or newest.times[:1] == [time]):
                return newest
        records.append(record := Record(step, sample.run, sample.rank))
        self.count += 1
        if len(records) >= MAX_RECORDS:
            del records[:-RECORDS]
        return record

    def until(self, time: float) -> tuple[Sample, ...]:
        """Return the samples of the newest records that are not younger than `time` (Unix seconds), in their order."""
        return tuple(sample for record in self.records[-RECORDS:] for sample in record.samples if sample.time <= time)

    def sample_at(self, signal: str, step: int) -> Sample | None:
        """Return the newest sample of a signal at a step; None where none is kept."""
        for record in reversed(self.records):
            if record.step == step:
                return next((one for one in reversed(record.samples) if one.signal == signal), None)
        return None

    def with_onset(self, change: IncidentChange) -> IncidentChange:
        """Return the change with the samples around the onset where they are due: they are those of now."""
        finding = change.finding
        if change.kind is ChangeKind.OPENED:
            self.onsets[finding.id] = self.count + RECORDS_AFTER
            return msgspec.structs.replace(change, onset=self.until(finding.opened_time))
        if change.kind is ChangeKind.CLOSED and self.onsets.pop(finding.id, None) is not None:
            return msgspec.structs.replace(change, onset=self.until(change.time))
        return change

    def completed(self, findings: Iterable[Finding], sample: Sample) -> list[IncidentChange]:
        """Return the samples around each onset that is complete with this sample, once."""
        complete = {name for name, due in self.onsets.items() if self.count >= due}
        for name in complete:
            del self.onsets[name]
        return [
            IncidentChange(ChangeKind.CHANGED, one.copy(), sample.time, sample.step, "", self.until(sample.time))
            for one in findings
            if one.id in complete
        ]
