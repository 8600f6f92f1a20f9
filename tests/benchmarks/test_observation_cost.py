"""The benchmark of cost runs and says what it promises, whatever is installed."""

import pytest

from tests.benchmarks import observation_cost, peers
from tests.benchmarks.many_series import bytes_per_series, shares


def test_the_table_has_a_line_for_every_contender(monkeypatch):
    """Those that are not installed are named with how to install them; ours are always there."""
    monkeypatch.setitem(observation_cost.CONTENDERS, observation_cost.RIVER, lambda: None)
    costs = observation_cost.microseconds(rounds=1, count=20)
    lines = observation_cost.table(costs).splitlines()
    assert len(lines) == 1 + len(observation_cost.CONTENDERS)
    for name, line in zip(observation_cost.CONTENDERS, lines[1:], strict=True):
        assert line.startswith(name)
        assert name in costs or "skipped: pip install" in line
    assert all(costs[name][0] > 0.0 for name in costs if name.startswith("runvitals"))


def test_each_peer_scores_what_it_is_shown():
    """Welford's, numpy's and (where installed) the other peers take a round of values without a complaint."""
    for make in (peers.plain_welford, peers.numpy_window, peers.river_rolling, peers.pandas_whole_file, peers.spot):
        begin = make()
        if begin is not None:
            begin(0, [1.0 + 0.1 * (place % 7) for place in range(50)])()


@pytest.mark.slow  # memory is traced
def test_a_series_with_a_full_window_takes_at_most_16_kilobytes():
    """The rank, the detectors of its loss and gradient norm, flight recorder and snapshot included."""
    assert bytes_per_series(50, 280) < 16_000


def test_many_series_are_measured_in_all_three_parts():
    """Samples, snapshots and scrapes each take some time."""
    taken = shares(50, warm_up=70, seconds=2)
    assert min(taken) > 0.0
    assert sum(taken) == pytest.approx(taken.observing + taken.snapshots + taken.scrapes)
