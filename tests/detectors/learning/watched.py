"""What the pipeline finds in a log of losses, for the tests of the faults that the course of the loss tells."""

import math
import random

import msgspec

from hazard.optimizers import OPTIMIZERS
from hazard.tasks import make_task
from runvitals.catalogue import faults
from runvitals.detectors import AnyDetector
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.pipeline.rank import make_detectors
from runvitals.series import Admission, SeriesSettings, SeriesStore
from runvitals.values import Event, Sample
from tests.streams import started

FAULTS = frozenset(
    {"divergence", "not_learning", "plateau", "oscillation", "overfitting", "resume_lost_state"},
)


def sample(signal, step, value):
    return Sample("run", "0", signal, "", 1_000_000.0 + step, step, value)


def event(kind, step):
    return Event(kind, "run", "0", 1_000_000.0 + step)


def items(losses, *, first_step=1, rate=None, evaluations=None):
    """The log of a run: a loss each step, with its learning rate and, by step, evaluation losses."""
    log = []
    for step, loss in enumerate(losses, start=first_step):
        if rate is not None:
            log.append(sample("learning_rate", step, rate(step) if callable(rate) else rate))
        log.append(sample("loss", step, loss))
        if evaluations and step in evaluations:
            log.append(sample("eval_loss", step, evaluations[step]))
    return log


def pipeline_after(log):
    pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))
    pipeline.observe([started(), *log], "test")
    return pipeline


def findings(log):
    """The findings of these faults, by name (the newest of each)."""
    found = sorted(pipeline_after(log).findings(), key=lambda finding: finding.opened_time)
    return {finding.fault: finding for finding in found if finding.fault in FAULTS}


def verdicts(fault, log, *, restarts=()):
    """The detector's answers to a log; at the places `restarts` its state is saved and read back."""
    detector, store = make_detectors(resolve({}))[fault], SeriesStore(SeriesSettings())
    watched = {*faults.BY_NAME[fault].signals, *faults.BY_NAME[fault].context}
    answers = []
    for place, one in enumerate(log):
        series = store.get(one, "test")
        admission = series.admit(one, store.settings)
        if place in restarts:
            detector = msgspec.msgpack.decode(msgspec.msgpack.encode(detector), type=AnyDetector)
        if one.signal in watched and admission in (Admission.SCORED, Admission.NONFINITE):
            answers.append(detector.observe(one, series, admission))
    return [answer for answer in answers if answer is not None]


def noisy(levels, *, spread=0.03, seed=0):
    """Losses that scatter about their levels, log-normally."""
    rng = random.Random(seed)
    return [level * math.exp(rng.gauss(0.0, spread)) for level in levels]


def learning(count, *, start=2.3, end=0.9, scale=150.0):
    """Levels that fall as a loss does, fast and then slowly."""
    return [end + (start - end) * math.exp(-step / scale) for step in range(count)]


def trained(task, seed, *, steps, rate, optimizer="sgd", batch=32, clip=0.0, weights=None, evaluate=0):
    """Losses of a real training in numpy, by step its evaluation losses, and the weights at the end."""
    import numpy as np

    network, rng, update = make_task(task, seed, "float32"), np.random.default_rng((seed, 1)), OPTIMIZERS[optimizer]()
    held_back = network.draw(np.random.default_rng((seed, 2)), 256)
    if weights is not None:
        network.weights[:] = weights
    losses, evaluations = [], {}
    with np.errstate(all="ignore"):
        for step in range(1, steps + 1):
            loss, gradient = network.loss_and_gradient(network.draw(rng, batch), 1.0)
            norm = float(np.linalg.norm(gradient))
            scaled = gradient * np.float32(clip / norm) if clip and norm > clip else gradient
            update.step(network.weights, scaled.astype(np.float32), rate(step) if callable(rate) else rate)
            losses.append(loss)
            if evaluate and step % evaluate == 0:
                evaluations[step] = network.loss_and_gradient(held_back, 1.0)[0]
    return losses, evaluations, network.weights.copy()
