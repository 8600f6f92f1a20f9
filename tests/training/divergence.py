"""A training that diverges from a known step on, and a sidecar that advises it: for the tests of actions."""

from __future__ import annotations

import contextlib
import json
import os

import numpy

from runvitals import embedded
from runvitals.sinks.journal import FILE_NAME
from runvitals.sinks.reading import Filter, reading

ROWS, WIDTH = 64, 8
STEPS, RISES_AT = 550, 180
STABLE, UNSTABLE = 0.2, 1.06
"""Of the learning rate at which gradient descent on the largest curvature begins to diverge."""
ACTIONS = {
    fault: ["checkpoint", "lower_learning_rate"] for fault in ("gradient_explosion_likely", "gradient_explosion")
}


@contextlib.contextmanager
def advising(folder):
    """An exporter in this process that advises the runs whose rings are in `folder`/runs."""
    os.environ["RUNVITALS_RUNS_DIR"] = str(folder / "runs")
    config = {
        "sources": [{"kind": "ring", "folders": [str(folder / "runs")], "interval": 0.05}],
        "tick_seconds": 0.05,
        "advice": {"enabled": True},
        "state": {"directory": str(folder / "state")},
    }
    (folder / "c.yml").write_text(json.dumps(config))
    with embedded.serve("127.0.0.1:0", config_file=folder / "c.yml"):
        yield


def history(folder):
    """Return every sentence that the journal tells of its incidents, once the exporter has ended."""
    with reading(folder / "state" / FILE_NAME) as reader:
        return [entry.sentence for one in reader.incidents(Filter()) for entry in reader.history(one.finding.id)]


def regression(seed=0):
    """Return inputs, noisy targets, and the learning rate from which on gradient descent diverges."""
    random = numpy.random.default_rng(seed)
    inputs = random.normal(size=(ROWS, WIDTH)).astype("float32")
    targets = inputs @ random.normal(size=(WIDTH, 1)) + 0.1 * random.normal(size=(ROWS, 1))
    limit = 2.0 / float(numpy.linalg.eigvalsh(2.0 * inputs.T @ inputs / ROWS)[-1])
    return inputs, targets.astype("float32"), limit
