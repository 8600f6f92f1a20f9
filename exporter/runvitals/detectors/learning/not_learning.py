"""A loss that stays where it began."""

from __future__ import annotations

from math import log, sqrt

import msgspec

from runvitals.catalogue import signals
from runvitals.detectors.detector import Detector
from runvitals.detectors.learning.course import Course
from runvitals.detectors.learning.logarithm import has_logarithm, is_negative, original
from runvitals.series import NONFINITE, Admission, Series
from runvitals.stats.trend import linear_trend
from runvitals.values import OK, UNKNOWN, Evidence, Sample, State, Verdict

LEARNING_RATE = signals.LEARNING_RATE.name
OUTPUT = signals.OUTPUT_STDDEV.name

FIRST = 8
"""So many values make the level that the run starts from."""

SKIPPED = 32
"""In the first steps even a network that cannot learn fits the bias of its output."""

CLASSES = (2, 3, 4, 5, 10, 100, 1000)
"""Numbers of classes that are common: a guess among C of them costs ln C."""

SAME = 0.5
"""A network that learns tells its examples apart by more than at first; one that says the same, by less than half."""

LARGEST = 1e100
"""Beyond, a mean would overflow."""

MOST_FALLEN = log(2.0)
"""A network that can only guess begins at no more than about twice the price of a guess."""


class NotLearning(Detector, tag="not_learning"):
    """Fires where the loss stays at where it began, or at the price of a guess.

    At where it began: over at least `samples` values the trend is no significant fall, a fall of `gain` would have been
    seen, and the mean lies below the first eight values by no more than `gain` and what these are uncertain by. The
    loss must vary by less than `spread` from step to step: an untrained network says nearly the same of every batch,
    while one that begins well, as in fine-tuning, finds some batches easier than others, and may stay at its good level
    for long.

    At the price of a guess: over the second half, at least `samples` values, the loss is as flat, within half of `gain`
    of ln C for a common number of classes C, varies by less than `guess_spread`, and began not far above.

    Or where the network says the same of everything: the loss is as flat, and began not far above, and the outputs vary
    over the examples by less than half of what they did at first. So it is with labels that have nothing to do with the
    input: what there is to learn is how often each comes.

    So it says nothing about noisy losses, such as squared errors of small batches. Unknown where the start was not seen
    (the first step was above `first_step`, as after a resume), while the learning rate rises, or where it has always
    been 0; and for a loss that can be negative.
    """

    samples: float
    gain: float
    spread: float
    guess_spread: float
    first_step: float
    course: Course = msgspec.field(default_factory=lambda: Course(16))
    segment: int = 0
    seen: int = 0
    start: float = 0.0
    saw_start: bool = False
    has_ratio: bool = True
    rate: float | None = None
    is_rate_rising: bool = False
    is_rate_zero: bool = False
    outputs: int = 0
    first_output: float = 0.0
    output: float = 0.0

    def __post_init__(self) -> None:
        """Refuse thresholds that make no sense."""
        are_shares = all(0.0 < share < 1.0 for share in (self.gain, self.spread, self.guess_spread))
        if not (self.samples >= 128.0 and are_shares and self.first_step >= 0.0):
            raise ValueError(
                "not_learning needs samples from 128, gain, spread and guess_spread above 0 and below 1 and first_step "
                f"from 0, not {self.samples}, {self.gain}, {self.spread}, {self.guess_spread} and {self.first_step}"
            )

    def observe(self, sample: Sample, series: Series, admission: Admission) -> Verdict | None:
        """Return a verdict with each block of losses; a learning rate is only noted."""
        if sample.signal == LEARNING_RATE:
            self._note_rate(sample.value)
            return None
        if sample.signal == OUTPUT:
            self._note_output(sample.value, admission)
            return None
        if series.segment != self.segment:
            self._begin(series.segment)
        if admission is NONFINITE or not has_logarithm(sample.value):
            self.has_ratio = self.has_ratio and not is_negative(sample.value)
            return UNKNOWN
        if not self.has_ratio:
            return UNKNOWN
        return self._take(sample)

    def _begin(self, segment: int) -> None:
        self.segment, self.course, self.seen, self.has_ratio = segment, Course(16), 0, True
        self.outputs = 0

    def _note_rate(self, rate: float) -> None:
        self.is_rate_rising = self.rate is not None and rate > self.rate
        self.is_rate_zero = rate == 0.0 and (self.rate is None or self.is_rate_zero)
        self.rate = rate

    def _note_output(self, spread: float, admission: Admission) -> None:
        if admission is NONFINITE or not 0.0 <= spread < LARGEST:
            return
        self.outputs += 1
        if self.outputs == 1:
            self.first_output = self.output = 0.0
        if self.outputs <= FIRST:
            self.first_output += (spread - self.first_output) / self.outputs
        self.output += (spread - self.output) / min(self.outputs, SKIPPED)

    def _take(self, sample: Sample) -> Verdict | None:
        value = log(sample.value)
        if not self.seen:
            self.saw_start, self.start = sample.step is not None and sample.step <= self.first_step, 0.0
        self.seen += 1
        if self.seen <= FIRST:
            self.start += (value - self.start) / self.seen
        if self.seen > SKIPPED and self.course.observe(value):
            return self._judge(sample)
        return None if self.seen > 1 else UNKNOWN

    def _judge(self, sample: Sample) -> Verdict:
        can_know = self.saw_start and not self.is_rate_rising and not self.is_rate_zero
        if not can_know or self.course.count < self.samples:
            return UNKNOWN
        return self._firing(sample) if self._is_at_start() or self._has_learned_nothing() else OK

    def _is_at_start(self) -> bool:
        means = self.course.means
        unsure = 2.0 * self.spread / sqrt(FIRST)
        is_near = self.start - self.gain - unsure < self._level < self.start + 10.0 * self.gain
        return is_near and self._is_flat(means, self.spread, self.gain / 3.0)

    @property
    def _says_the_same(self) -> bool:
        """Whether the outputs have come to depend less on the input than those of a network that nobody had trained."""
        return self.outputs >= self.samples and self.output < SAME * self.first_output

    def _has_learned_nothing(self) -> bool:
        recent = self.course.means[len(self.course.means) // 2 :]
        began_near = self.start - self._level < MOST_FALLEN
        is_long = len(recent) * self.course.width >= self.samples
        is_guess = self._says_the_same or bool(self._classes())
        return is_long and began_near and is_guess and self._is_flat(recent, self.guess_spread, self.gain)

    @property
    def _level(self) -> float:
        """Mean over the second half."""
        recent = self.course.means[len(self.course.means) // 2 :]
        return sum(recent) / len(recent)

    def _classes(self) -> int | None:
        """Return among how many classes a guess costs as much as the loss does; None for no common number."""
        level = self._level
        return next((one for one in CLASSES if abs(level - log(log(one))) < 0.5 * self.gain), None)

    def _is_flat(self, means: list[float], spread: float, error: float) -> bool:
        """Return whether the means show no significant fall, know it to within `error`, and vary less than `spread`."""
        trend = linear_trend(means)
        is_known = trend.error < error and trend.spread * sqrt(self.course.width) < spread
        return is_known and trend.change > -min(3.0 * trend.error, self.gain)

    def _firing(self, sample: Sample) -> Verdict:
        level, guess = original(self._level), self._classes()
        meaning = f", as if guessing among {guess} classes" if guess else ""
        if self._says_the_same:
            meaning += ", and the outputs hardly depend on the input"
        start = original(self.start)
        evidence = Evidence(
            f"{sample.signal} is {level:.4g} after {self.seen} values and began at {start:.4g}{meaning}",
            sample.signal,
            sample.layer,
            value=sample.value,
            expected_high=start * (1.0 - self.gain),
            step=sample.step,
            time=sample.time,
        )
        return Verdict(State.FIRING, confidence=0.8 if guess else 0.7, evidence=evidence)
