"""A server that lives for weeks: what is usual at one hour is an anomaly at another, and is told from it."""

import math
import random

import msgspec
import pytest

from runvitals.anomaly.score import AnomalyScore
from runvitals.anomaly.season import DAY, WEEK
from runvitals.anomaly.settings import AnomalySettings
from runvitals.stats.baseline import Baseline

MONDAY = 1_704_067_200.0 // WEEK * WEEK
STEP = 60.0
SETTINGS = AnomalySettings()


def logistic(hours):
    return 1.0 / (1.0 + math.exp(-hours))


def office_hours(time, *, has_weekend):
    """Requests a second: up within an hour at eight, down at eight in the evening, quiet on two days of seven."""
    hour = time % DAY / 3600.0
    is_quiet = has_weekend and int(time % WEEK / DAY) in (2, 3)
    return 20.0 + (16.0 if is_quiet else 80.0) * (logistic((hour - 8.0) / 0.25) - logistic((hour - 20.0) / 0.5))


class Server:
    """A load watched once a minute."""

    def __init__(self, *, has_weekend=False, settings=SETTINGS):
        self.rng = random.Random(1)
        self.baseline, self.anomaly = Baseline.of_size(256, 64), AnomalyScore()
        self.time, self.has_weekend, self.settings = MONDAY, has_weekend, settings

    def run(self, hours, extra=lambda _: 0.0):
        """Go on for so many hours; return the scores. `extra`: load beside the usual, by hours from now."""
        scores, start = [], self.time
        for _ in range(round(hours * 3600.0 / STEP)):
            value = office_hours(self.time, has_weekend=self.has_weekend) + self.rng.gauss(0.0, 3.0)
            value += extra((self.time - start) / 3600.0)
            self.baseline.observe(value)
            self.anomaly.observe(value, self.time, self.baseline.window, 64, self.settings)
            scores.append(self.anomaly.score or 0.0)
            self.time += STEP
        return scores

    @property
    def period(self):
        season = self.anomaly.channels.season
        return season.period if season else 0.0


def morning_at_night(hours):
    """From midnight on: the load rises at two as it does at eight."""
    return 80.0 * logistic((hours - 2.0) / 0.25)


def test_the_load_of_the_day_at_night_is_seen_once_the_day_is_known():
    """It comes as every morning does, six hours early: without the season nothing shows that."""
    assert max(scores_of_an_early_morning(AnomalySettings(season=False))) < 3.0
    assert max(scores_of_an_early_morning(SETTINGS)) > 3.5


def scores_of_an_early_morning(settings):
    server = Server(settings=settings)
    server.run(9 * 24.0)
    return server.run(5.0, morning_at_night)


def test_the_mornings_stop_alerting_once_they_are_known():
    """The first mornings are unusual; from the fourth day on no value of a morning is."""
    server = Server()
    days = [server.run(24.0)[6 * 60 : 10 * 60] for _ in range(9)]
    assert max(map(max, days[:3])) > 3.5
    assert server.period == DAY
    assert max(map(max, days[5:])) < 3.0


def test_a_week_is_learned_in_three():
    """A weekend breaks the daily season; in the fourth week the weekly one is in use, and the quiet days are usual."""
    server = Server(has_weekend=True)
    server.run(22.2 * 24.0)
    assert server.period == WEEK
    scores = server.run(5.8 * 24.0)
    assert sum(score > 3.0 for score in scores) <= 0.003 * len(scores)
    assert server.period == WEEK


def test_a_score_of_a_seasonal_load_is_calibrated():
    """Of four weeks of minutes, learning included, about one in a hundred exceeds 2."""
    scores = Server(has_weekend=True).run(28 * 24.0)
    assert 1 / 3 < sum(score > 2.0 for score in scores) / len(scores) * 100 < 3


def test_a_short_life_has_no_season_and_pays_nothing_for_it():
    """Within six hours nothing is kept for it; a week without a season gives the scores of before."""
    server = Server()
    server.run(5.9)
    assert server.anomaly.channels.season is None
    with_season, without = (noise_scores(settings) for settings in (SETTINGS, AnomalySettings(season=False)))
    assert with_season == without


def noise_scores(settings):
    rng, baseline, anomaly, scores = random.Random(7), Baseline.of_size(256, 64), AnomalyScore(), []
    for index in range(5 * 24 * 60):
        baseline.observe(rng.gauss(5.0, 1.0))
        anomaly.observe(baseline.value, MONDAY + STEP * index, baseline.window, 64, settings)
        scores.append(anomaly.score)
    return scores


def test_a_season_survives_a_restart():
    """Saved and read again in the middle of a day, it goes on as if nothing had been."""
    server = Server()
    server.run(4.4 * 24.0)
    assert server.period == DAY
    saved = msgspec.msgpack.encode(server.anomaly)
    kept = server.anomaly
    server.anomaly = msgspec.msgpack.decode(saved, type=AnomalyScore)
    assert server.anomaly == kept
    server.run(1.0)
    assert server.anomaly != kept
    assert len(saved) < 6_000


@pytest.mark.parametrize("gap", [3 * DAY, -DAY])
def test_a_gap_or_a_clock_set_back_is_ordinary(gap):
    """The server was off for days, or its clock was wrong: no scores run wild, and the season is still known."""
    server = Server()
    server.run(6 * 24.0)
    server.time += gap
    scores = server.run(24.0)
    assert sum(score > 3.0 for score in scores) <= 10
    assert server.period == DAY


def test_a_season_can_be_switched_off_while_it_is_in_use():
    """After a reload without it there is none, and no score runs wild for that."""
    server = Server()
    server.run(5 * 24.0)
    assert server.period == DAY
    server.settings = AnomalySettings(season=False)
    scores = server.run(4.0)
    assert server.anomaly.channels.season is None
    assert max(scores) < 3.5
