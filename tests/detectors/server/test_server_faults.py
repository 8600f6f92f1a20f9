"""What is wrong with a server is told in minutes; a healthy day, with its tides and bursts, is not."""

import pytest

from runvitals.detectors.server import (
    ErrorRate,
    LatencyDegraded,
    QueueGrowth,
    Saturation,
    ServerDown,
    TokenThroughputDrop,
)
from runvitals.values import State
from tests.detectors.server.server_traces import POLL, Server
from tests.detectors.traces import HOUR, START, Watch, every, of

NAMES = ["latency_degraded", "queue_growth", "error_rate", "saturation", "token_throughput_drop", "server_down"]
DAYS = {seed: Server(26, seed=seed, peak=peak).items() for seed, peak in [(1, 10.0), (2, 0.5)]}


def minutes_until(watch, hour):
    return (watch.opened[0].time - START - hour * HOUR) / 60.0


def after(hour, factor):
    return lambda at, value: value * factor if at >= hour else value


@pytest.mark.parametrize("seed", DAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_day_is_silent(name, seed):
    """More than a day with the tide of a day, bursts of a minute, a busy server and a quiet one."""
    assert not Watch(name).show(DAYS[seed]).opened


@pytest.mark.parametrize(
    ("signal", "factor"),
    [("time_to_first_token_seconds", 8.0), ("time_per_output_token_seconds", 5.0)],
)
def test_a_server_that_has_become_slow_is_told_in_minutes(signal, factor):
    """It opens within ten minutes, says what was usual, and closes when it is over."""
    server = Server(12, seed=3, **{signal: lambda at, value: value * factor if 8.0 <= at < 9.0 else value})
    watch = Watch("latency_degraded").show(server.items())
    assert 3.0 <= minutes_until(watch, 8.0) <= 10.0
    assert (len(watch.opened), len(watch.closed)) == (1, 1)
    assert "s for 5 minutes; its median before was" in watch.last_firing.evidence.sentence


def test_longer_answers_and_a_longer_queue_are_not_told_as_latency():
    """A request that takes longer for its tokens is no slower server; a queue is told by its own fault."""
    longer = Server(12, seed=3, request_seconds=after(8.0, 10.0))
    assert not Watch("latency_degraded").show(longer.items()).fired
    queued = {"requests_waiting": lambda at, value: value + 100.0 * (at >= 8.0)}
    server = Server(12, seed=3, time_to_first_token_seconds=after(8.0, 10.0), **queued)
    assert not Watch("latency_degraded").show(server.items()).fired


def test_requests_are_judged_where_nothing_else_is_known():
    """A server that only knows the duration of its requests."""
    server = Server(12, seed=3, request_seconds=after(8.0, 10.0))
    assert len(Watch("latency_degraded").show(server.items("request_seconds")).opened) == 1


def test_a_queue_that_grows_is_told_and_closes_when_it_has_gone():
    """Three more requests a minute from the ninth hour on, for an hour."""
    grown = {"requests_waiting": lambda at, value: value + (180.0 * (at - 8.0) if 8.0 <= at < 9.0 else 0.0)}
    watch = Watch("queue_growth").show(Server(12, seed=3, **grown).items())
    assert 3.0 <= minutes_until(watch, 8.0) <= 30.0
    assert (len(watch.opened), len(watch.closed)) == (1, 1)
    assert "requests wait" in watch.last_firing.evidence.sentence


def test_failing_requests_are_told_in_minutes():
    """One in twenty fails from the ninth hour on; a tenth of them always failing is usual for this server."""
    failing = {"error_ratio": lambda at, value: 0.05 if at >= 8.0 else value}
    watch = Watch("error_rate").show(Server(12, seed=3, **failing).items())
    assert 5.0 <= minutes_until(watch, 8.0) <= 11.0
    assert "5.0% of about" in watch.last_firing.evidence.sentence
    usual = {"error_ratio": lambda _, value: 0.1 + value}
    assert not Watch("error_rate").show(Server(12, seed=3, **usual).items()).fired


def test_a_server_that_fails_from_the_start_needs_no_past():
    """Nine of ten requests fail in its first five minutes."""
    watch = Watch("error_rate").show(Server(1, seed=3, error_ratio=lambda _, __: 0.9).items())
    assert minutes_until(watch, 0.0) <= 6.0


def test_few_requests_say_nothing_of_errors():
    """Two requests a minute, every third of which fails: too few to be told from chance within half an hour."""
    server = Server(6, seed=3, peak=0.03, error_ratio=lambda at, value: 0.33 if at > 4.0 else value)
    assert not Watch("error_rate").show(server.items()).fired


def test_errors_without_a_rate_of_requests_are_unknown():
    """A share of nobody knows how many is no evidence."""
    watch = Watch("error_rate").show(Server(3, seed=3).items("error_ratio"))
    assert watch.states == {State.UNKNOWN}


FULL = {"kv_cache_utilization_ratio": lambda at, value: 0.99 if at >= 2.0 else value}
WAIT = {"requests_waiting": lambda at, value: value + 5.0 * (at >= 2.0)}


def test_a_full_server_is_told_where_requests_suffer_for_it():
    """Ten minutes of a full cache with a queue, or with requests put back; full alone is well used."""
    watch = Watch("saturation").show(Server(4, seed=3, **FULL, **WAIT).items())
    assert 10.0 <= minutes_until(watch, 2.0) <= 14.0
    assert "5 requests wait" in watch.last_firing.evidence.sentence
    preempted = {"preemptions_per_second": lambda at, _: 0.5 * (at >= 2.0)}
    assert len(Watch("saturation").show(Server(4, seed=3, **FULL, **preempted).items()).opened) == 1
    assert not Watch("saturation").show(Server(4, seed=3, **FULL).items()).fired
    assert not Watch("saturation").show(Server(4, seed=3, **WAIT).items()).fired


def test_a_full_server_is_unknown_where_nobody_knows_who_suffers():
    """A cache alone says nothing of the requests."""
    watch = Watch("saturation").show(Server(1, seed=3).items("kv_cache_utilization_ratio"))
    assert watch.states == {State.UNKNOWN}


def test_tokens_that_come_slowly_under_load_are_told():
    """A third of the tokens at noon with as many requests running; fewer tokens at night are none."""
    server = Server(16, seed=3, begin=2.0, output_tokens_per_second=after(10.0, 0.1))
    watch = Watch("token_throughput_drop").show(server.items())
    assert 5.0 <= minutes_until(watch, 10.0) <= 20.0
    calm = Server(16, seed=3, requests_running=after(10.0, 0.1), output_tokens_per_second=after(10.0, 0.1))
    assert not Watch("token_throughput_drop").show(calm.items()).fired


def test_tokens_are_unknown_without_the_number_of_requests():
    """A server without requests gives out no tokens."""
    watch = Watch("token_throughput_drop").show(Server(3, seed=3).items("output_tokens_per_second"))
    assert watch.states == {State.UNKNOWN}


def up(value, seconds=POLL, hours=1.0):
    return of("server_up", every(seconds, hours * HOUR, value))


def test_a_server_that_does_not_answer_is_told_within_a_minute():
    """Three polls and half a minute; it closes with the second answer."""
    watch = Watch("server_down").show(up(lambda at: float(not 600.0 <= at < 900.0)))
    [opened], [closed] = watch.opened, watch.closed
    assert (opened.time - START, closed.time - START) == (630.0, 915.0)


@pytest.mark.parametrize("seconds", [1.0, 15.0, 60.0])
def test_one_lost_answer_is_none(seconds):
    """Every tenth poll fails, or all do for 20 seconds."""
    assert not Watch("server_down").show(up(lambda at: float(at / seconds % 10 > 0), seconds)).fired
    assert not Watch("server_down").show(up(lambda at: float(not 600.0 <= at < 620.0), seconds)).fired


def test_a_server_that_starts_is_unknown_for_twenty_minutes():
    """Loading takes its time; after it, a server that has never answered is down."""
    watch = Watch("server_down").show(up(lambda _: 0.0))
    assert (watch.verdicts[0].state, watch.opened[0].time - START) == (State.UNKNOWN, 1200.0)


@pytest.mark.parametrize("name", NAMES[:2] + NAMES[4:5])
def test_an_hour_is_needed_before_anything_is_unusual(name):
    """A short history is unknown, and so is what comes after a gap of days until five minutes are there."""
    assert Watch(name).show(Server(0.9, seed=4).items()).states == {State.UNKNOWN}


def test_gaps_of_days_and_a_clock_that_goes_back_open_nothing():
    """Some hours, a week without a sample, other hours, and times out of order."""
    first, second = Server(4, seed=5).items(), Server(3, seed=6, begin=20.0).items()
    late = [item._replace(time=item.time + 600_000.0) for item in second]
    early = [item._replace(time=item.time - 300_000.0) for item in second]
    for name in NAMES:
        assert not Watch(name).show([*first, *late]).opened
        assert not Watch(name).show([*first, *early, *late]).opened


@pytest.mark.parametrize(
    ("kind", "thresholds"),
    [
        (LatencyDegraded, (1.0, 1.5, 0.5, 0.2, 0.02, 20.0)),
        (QueueGrowth, (0.0, 2.0)),
        (ErrorRate, (0.0, 3.0, 100.0, 5.0)),
        (Saturation, (1.5, 1.0)),
        (TokenThroughputDrop, (1.0,)),
        (ServerDown, (0.0, 30.0, 1200.0)),
    ],
)
def test_thresholds_that_a_healthy_server_reaches_are_refused(kind, thresholds):
    """Each detector refuses what would always, or never, be reached."""
    with pytest.raises(ValueError, match=r"above|between|at least"):
        kind(*thresholds)
