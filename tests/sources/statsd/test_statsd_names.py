"""Which signal and which unit a StatsD metric gets."""

import pytest

from runvitals.sources.statsd.names import count_name, gauge_name, split_time_unit, timing_names


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("loss", "loss"),
        ("train/loss", "loss"),
        ("train.loss", "loss"),
        ("Train.Loss", "loss"),
        ("lr", "learning_rate"),
        ("my.own.metric", "my.own.metric"),
    ],
)
def test_gauges_get_canonical_names(name, signal):
    """Foreign names are translated, also with the dots StatsD has for slashes; unknown ones are kept."""
    assert gauge_name(name) == signal


@pytest.mark.parametrize(
    ("name", "signal"), [("requests", "requests_per_second"), ("requests_total", "requests_per_second")]
)
def test_a_counter_becomes_a_rate(name, signal):
    """A rate is named as one, never as a total."""
    assert count_name(name) == signal


@pytest.mark.parametrize(
    ("name", "kind", "mean", "p99", "scale"),
    [
        ("data_load", "ms", "data_load_mean_seconds", "data_load_p99_seconds", 1e-3),
        ("data_load_ms", "ms", "data_load_mean_seconds", "data_load_p99_seconds", 1e-3),
        ("step_time", "ms", "step_seconds", "step_p99_seconds", 1e-3),
        ("step_seconds", "ms", "step_seconds", "step_p99_seconds", 1e-3),
        ("step_time_ms", "h", "step_seconds", "step_p99_seconds", 1e-3),
        ("step_time", "d", "step_seconds", "step_p99_seconds", 1.0),
        ("api.latency.us", "d", "api.latency_mean_seconds", "api.latency_p99_seconds", 1e-6),
        ("latency_seconds", "h", "latency_mean_seconds", "latency_p99_seconds", 1.0),
        ("latency_ns", "d", "latency_mean_seconds", "latency_p99_seconds", 1e-9),
        ("batch_size", "h", "batch_size_mean", "batch_size_p99", 1.0),
        ("loss", "d", "loss", "loss_p99", 1.0),
        ("tokens", "h", "tokens_mean", "tokens_p99", 1.0),
    ],
)
def test_timers_histograms_and_distributions(name, kind, mean, p99, scale):
    """Times come out in seconds; a histogram whose name has no unit of time is left as it was sent."""
    assert timing_names(name, kind, 1e-3) == (mean, p99, scale)


def test_a_unit_alone_is_a_name():
    """A metric called `ms` is not an empty name with a unit."""
    assert split_time_unit("ms") == ("ms", None)
    assert split_time_unit("_ms") == ("_ms", None)
