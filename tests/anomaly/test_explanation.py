"""The explanation of a score says what the score's own code does, and changes nothing."""

import random
from copy import deepcopy

import pytest

from runvitals.anomaly.explanation import CHANNELS, EXPECTED_DECADES, Question, explain
from runvitals.anomaly.score import AnomalyScore
from runvitals.anomaly.settings import AnomalySettings
from runvitals.stats.rolling_window import RollingWindow

MINIMUM = 64


def _streams():
    rng = random.Random(7)
    total = 0.0
    counter = []
    for _ in range(600):
        total += rng.expovariate(1.0)
        counter.append(total)
    return {
        "gaussian": [rng.gauss(5.0, 1.0) for _ in range(600)],
        "skewed": [rng.lognormvariate(0.0, 1.0) for _ in range(600)],
        "ratio": [rng.betavariate(8.0, 2.0) for _ in range(600)],
        "rounded": [round(rng.gauss(5.0, 1.0)) + 0.0 for _ in range(600)],
        "counter": counter,
        "constant": [3.0] * 600,
        "spiky": [rng.gauss(0.0, 1.0) * (50.0 if index % 97 == 0 else 1.0) for index in range(600)],
    }


STREAMS = _streams()


def questions(values, settings=AnomalySettings()):  # noqa: B008  # frozen
    """Yield each value's question with the score that the value then gets."""
    score, window = AnomalyScore(), RollingWindow(256)
    for index, value in enumerate(values):
        question = Question(deepcopy(score), value, float(index), deepcopy(window), MINIMUM, settings)
        score.observe(value, float(index), window, MINIMUM, settings)
        yield question, score
        window.push(value)


def last_question(name, value=None):
    *_, (question, _) = questions(STREAMS[name])
    return question if value is None else question._replace(value=value)


@pytest.mark.parametrize("name", STREAMS)
def test_the_explained_score_is_the_score(name):
    """At every fiftieth value both directions are equal to the last digit, and the decider alone gives the score."""
    for index, (question, score) in enumerate(questions(STREAMS[name])):
        if index % 50 == 49:
            explained = explain(question)
            assert (explained.up, explained.down, explained.score) == (score.up, score.down, score.score)
            if score.score:
                assert {one.score for one in explained.channels if one.decides} == {score.score}
            assert bool(explained.unknown) == (score.score is None)


def test_explaining_changes_nothing():
    """The state before is asked as a copy."""
    question = last_question("gaussian")
    before, window = deepcopy(question.before), question.window.values()
    explain(question)
    assert question.before == before
    assert question.window.values() == window


@pytest.mark.parametrize("channel", ["level", "change"])
@pytest.mark.parametrize("name", ["gaussian", "skewed", "ratio"])
def test_the_expected_range_ends_where_one_healthy_value_in_a_hundred_lies_outside(name, channel):
    """A value just within either end gets a score below 2 from that channel, one at the end does not."""
    question = last_question(name)
    [range_] = [one for one in explain(question).channels if one.channel == channel]
    alone = AnomalySettings(**{other: other == channel for other in CHANNELS})
    assert range_.value_low < range_.value_high
    for end, inwards in ((range_.value_low, 1.0), (range_.value_high, -1.0)):
        inside = end + inwards * 1e-3 * (range_.value_high - range_.value_low)
        assert question.answered(end, alone).score >= EXPECTED_DECADES
        assert question.answered(inside, alone).score < EXPECTED_DECADES


def test_an_outlier_shows_in_the_channels_that_see_it():
    """Ten deviations up: far out by level and by change, outside of what they expect and of all that was seen."""
    level, change, _, outside, _ = explain(last_question("gaussian", 15.0)).channels
    for one in (level, change, outside):
        assert one.value_high < 15.0
        assert one.score > EXPECTED_DECADES
    assert level.reading > 8.0 > level.reading_high
    assert level.probability < 1e-3


def test_what_is_unknown_says_why():
    """Too few values, tails not learned yet, no spread: three sentences."""
    asked = [question for question, _ in questions(STREAMS["gaussian"][:90])]
    assert explain(asked[17]).unknown == "warming up: 17 of 64 values in the window"
    assert explain(asked[80]).unknown == "warming up: 17 of 33 values whose tails are learned first"
    assert explain(last_question("constant")).unknown == "no spread: the signal has not varied yet"


def test_a_channel_that_is_switched_off_says_so():
    """It has no answer, and the others decide."""
    *_, (question, score) = questions(STREAMS["gaussian"], AnomalySettings(level=False))
    explained = explain(question)
    assert (explained.channels[0].channel, explained.channels[0].enabled) == ("level", False)
    assert explained.score == score.score
