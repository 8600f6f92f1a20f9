"""StatsD and DogStatsD datagrams."""

from runvitals.sources.statsd.source import StatsdSettings, StatsdSource

__all__ = ["StatsdSettings", "StatsdSource"]
