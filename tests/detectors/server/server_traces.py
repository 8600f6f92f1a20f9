"""A server as its metrics show it: a day with its tides, noise, bursts, calm nights and restarts."""

import math
import random

from tests.detectors.traces import HOUR, merged, of

POLL = 15.0


class Server:
    """Samples every 15 s over some hours; `change(hour)` multiplies or replaces what a healthy server would show.

    Load follows the day between a tenth and all of `peak` requests a second. Latencies grow with the load and vary as
    latencies do: log-normal, with a heavier tail in the 99th percentile. Now and then a burst of a minute fills the
    queue.
    """

    def __init__(self, hours, *, seed=0, peak=10.0, begin=8.0, **changes):
        self.rng = random.Random(seed)
        self.hours, self.peak, self.begin, self.changes = hours, peak, begin, changes
        self.values = {}
        burst_until = -1.0
        for index in range(int(hours * HOUR / POLL)):
            at = index * POLL
            if self.rng.random() < POLL / HOUR / 2.0:
                burst_until = at + self.rng.uniform(20.0, 90.0)
            self._poll(at, burst=at < burst_until)

    def _poll(self, at, *, burst):
        hour, noise = at / HOUR, self.rng.lognormvariate
        load = 0.55 - 0.45 * math.cos((hour + self.begin - 4.0) / 24.0 * 2.0 * math.pi)
        rate = self.peak * load * noise(0.0, 0.15) * (2.0 if burst else 1.0)
        running = max(1.0, 4.0 * rate * noise(0.0, 0.1))
        token = 0.02 * (1.0 + load) * noise(0.0, 0.1)
        first = 0.15 * (1.0 + 2.0 * load**2) * noise(0.0, 0.2) * (3.0 if burst else 1.0)
        waiting = self.rng.expovariate(1.0 / 20.0) if burst else float(self.rng.random() < 0.05)
        values = {
            "requests_per_second": rate,
            "requests_running": running,
            "requests_waiting": float(round(waiting)),
            "time_to_first_token_seconds": first,
            "time_to_first_token_p99_seconds": first * 3.0 * noise(0.0, 0.4),
            "time_per_output_token_seconds": token,
            "time_per_output_token_p99_seconds": token * 2.0 * noise(0.0, 0.3),
            "request_seconds": first + 200.0 * token * noise(0.0, 0.2),
            "output_tokens_per_second": running / token,
            "prompt_tokens_per_second": rate * 500.0 * noise(0.0, 0.3),
            "error_ratio": min(1.0, 0.001 * noise(0.0, 1.0)),
            "kv_cache_utilization_ratio": min(1.0, 0.75 * load * noise(0.0, 0.1) + 0.2 * burst),
            "preemptions_per_second": 0.0,
            "server_up": 1.0,
        }
        for name, change in self.changes.items():
            values[name] = change(hour, values[name])
        for name, value in values.items():
            self.values.setdefault(name, []).append((at, value))

    def items(self, *names):
        """All samples in order of time, or those of some signals."""
        return merged(*(of(name, points) for name, points in self.values.items() if not names or name in names))
