"""Streams of samples for tests: plain, and hostile."""

import math
import random

from hypothesis import strategies as st

from runvitals.values import Event, EventKind, Sample


def samples(signal, values, *, run="run", rank="0", first_step=1, step_seconds=1.0, start=1_000_000.0):
    """Samples of one signal, one a step."""
    return [
        Sample(run, rank, signal, "", start + index * step_seconds, first_step + index, value)
        for index, value in enumerate(values)
    ]


def started(run="run", rank="0", time=999_999.0):
    return Event(EventKind.RUN_STARTED, run, rank, time, fields={"pid": "1", "host": "here"})


def healthy(count, *, seed=0, level=1.0, spread=0.15):
    """Values that vary as gradient norms and losses do: log-normal."""
    rng = random.Random(seed)
    return [level * math.exp(rng.gauss(0.0, spread)) for _ in range(count)]


any_value = st.one_of(
    st.floats(0.1, 10.0),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1.0, 1.0, 1e12]),
)

any_step = st.one_of(st.none(), st.integers(-5, 400), st.sampled_from([0, 2**62, -(2**62)]))


@st.composite
def any_items(draw, length=120):
    """Samples and events of two ranks in any order, with steps and times that go back, repeats, and odd values."""
    items = []
    time = 1_000_000.0
    step = 0
    for _ in range(draw(st.integers(0, length))):
        time += draw(st.sampled_from([0.0, 0.5, 1.0, 1.0, 90.0, 4000.0, -30.0]))
        step = draw(st.one_of(st.just(step + 1), st.just(step), any_step)) or step
        rank = draw(st.sampled_from(["0", "1"]))
        if draw(st.integers(0, 9)) == 0:
            kind = draw(st.sampled_from([kind for kind in EventKind if kind is not EventKind.DUPLICATE_WRITER]))
            items.append(Event(kind, "run", rank, time, text="ValueError"))
        else:
            signal = draw(
                st.sampled_from(
                    [
                        "loss",
                        "grad_norm",
                        "loss_scale",
                        "eval_loss",
                        "learning_rate",
                        "step_seconds",
                        "parameter_checksum",
                        "server_up",
                        "gpu_xid",
                        "anything",
                    ]
                )
            )
            items.append(Sample("run", rank, signal, "", time, step, draw(any_value)))
    return items
