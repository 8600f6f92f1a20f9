"""A training run as its machine shows it: steps, input, GPU and memory of some healthy hours."""

import math
import random

from runvitals.values import Sample
from tests.detectors.traces import HOUR, START

GIB = 2.0**30
MACHINE_SECONDS = 10.0


class TrainingRun:
    """Samples of every step and, every ten seconds, of the machine.

    The pace wanders by some per cent over minutes; every 10th step is slow, every 200th is followed by an evaluation,
    every 1000th by a checkpoint; an epoch begins with a long wait for its input and with new loader workers. The host
    is disturbed for a minute or two every hour. Memory warms up, is collected like a saw-tooth, and wanders.
    """

    def __init__(self, hours, *, seed=0, step_seconds=2.0, epoch=700):
        self.rng = random.Random(seed)
        self.step_seconds, self.epoch = step_seconds, epoch
        self.items, self.step, self.wander, self.walk, self.disturbed = [], 0, 0.0, 0.0, -1.0
        at, machine_at = 0.0, 0.0
        while at < hours * HOUR:
            at = self._take_step(at)
            while machine_at < at:
                self._read_machine(machine_at)
                machine_at += MACHINE_SECONDS

    def _take_step(self, at):
        rng = self.rng
        self.step += 1
        self.wander = 0.995 * self.wander + rng.gauss(0.0, 0.003)
        if rng.random() < self.step_seconds / HOUR:
            self.disturbed = at + rng.uniform(30.0, 120.0)
        pace = (1.0 + self.wander) * rng.lognormvariate(0.0, 0.03) * (1.4 if at < self.disturbed else 1.0)
        compute = self.step_seconds * pace * (3.0 if self.step % 10 == 0 else 1.0)
        data = 20.0 if self.step % self.epoch == 1 else rng.expovariate(1.0 / (0.05 * self.step_seconds))
        duration = compute + data
        at += duration
        values = {
            "loss": 2.0 + rng.gauss(0.0, 0.1),
            "compute_seconds": compute,
            "data_seconds": data,
            "step_seconds": duration,
            "tokens_per_second": 8192.0 / duration,
        }
        self.items += [Sample("run", "0", name, "", START + at, self.step, value) for name, value in values.items()]
        return at + 60.0 * (self.step % 200 == 0) + 45.0 * (self.step % 1000 == 0)

    def _read_machine(self, at):
        rng = self.rng
        self.walk = 0.999 * self.walk + rng.gauss(0.0, 0.01)
        hour = at / HOUR
        warm = 1.0 - math.exp(-at / 300.0)
        resident = 8.0 + 24.0 * warm + 2.0 * (at / 90.0 % 1.0) + self.walk + 3.0 * (at / 1500.0 % 1.0)
        hot = 65.0 + 8.0 * math.sin(hour / 24.0 * 2.0 * math.pi) + rng.gauss(0.0, 1.0)
        whole = {
            "memory_rss_bytes": resident * GIB,
            "memory_limit_bytes": 64.0 * GIB,
            "memory_utilization_ratio": resident / 64.0,
        }
        of_gpu = {
            "gpu_utilization_ratio": min(1.0, max(0.0, rng.gauss(0.9, 0.15))),
            "gpu_memory_used_bytes": (60.0 + 15.0 * warm) * GIB,
            "gpu_memory_utilization_ratio": (60.0 + 15.0 * warm) / 80.0,
            "gpu_temperature_celsius": hot,
            "gpu_clock_hertz": (1755.0 - 3.0 * (hot - 65.0) + rng.gauss(0.0, 20.0)) * 1e6,
            "gpu_throttled_ratio": min(1.0, max(0.0, rng.gauss(0.8, 0.3))),
            "gpu_xid": 0.0,
            "gpu_uncorrected_ecc_errors_total": 0.0,
        }
        for layer, values in (("", whole), ("gpu0", of_gpu)):
            self.items += [Sample("run", "0", name, layer, START + at, None, value) for name, value in values.items()]
