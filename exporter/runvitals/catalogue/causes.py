"""Which fault follows from which, and how soon: what makes one alert out of many findings.

An entry says that each of `consequences` may follow from `cause` on the same rank. Which of two is the cause is decided
by the order in which they were first seen: a window that reaches below 0 is for a cause that is known for certain only
after its consequence (a bad batch, once the loss has come back).
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple


class Window(NamedTuple):
    """How long after its cause a consequence may be first seen: from `low` to `high`, both included.

    In steps where both findings have one and `steps` is there, in seconds otherwise.
    """

    seconds: tuple[float, float]
    steps: tuple[float, float] | None = None


AT_ONCE = Window((-10.0, 600.0), (0.0, 8.0))
NEXT_STEP = Window((0.0, 600.0), (1.0, 8.0))
SOON = Window((-10.0, 600.0), (-2.0, 64.0))
KNOWN_LATER = Window((-600.0, 600.0), (-32.0, 64.0))
WHILE_IT_LASTS = Window((-3600.0, inf), (-64.0, inf))
INFRASTRUCTURE = Window((-120.0, inf))


class Cause(NamedTuple):
    """What may follow from a fault, how soon, and why, in words for an SMS.

    With `across_ranks` also on other ranks of the run, but then within ten minutes.
    """

    cause: str
    consequences: tuple[str, ...]
    window: Window
    why: str
    across_ranks: bool = False


ACROSS_RANKS_SECONDS = 600.0
"""A rank that has been silent for so long may have left: what it was must not depend on who looked when."""

_NONFINITE = ("nonfinite_loss", "nonfinite_gradient")
_UNSTABLE = ("gradient_explosion", "gradient_explosion_likely", "loss_spike", "divergence", "oscillation")
_STUCK = ("not_learning", "plateau")
_SLOW = ("fail_slow", "throughput_drop", "low_utilisation")
_SERVING = ("queue_growth", "latency_degraded", "token_throughput_drop", "error_rate")

ALL: tuple[Cause, ...] = (
    # What goes in.
    Cause(
        "bad_input",
        (*_NONFINITE, *_UNSTABLE, *_STUCK, "bad_batch", "saturated_activations", "dead_units"),
        KNOWN_LATER,
        "bad input goes through the whole network",
    ),
    Cause("bad_batch", (*_NONFINITE, *_UNSTABLE, "update_too_large"), KNOWN_LATER, "a bad batch makes a bad step"),
    Cause(
        "input_unscaled",
        (*_UNSTABLE, *_STUCK, "saturated_activations", "dead_units", "vanishing_gradient", "update_too_large"),
        WHILE_IT_LASTS,
        "input of the wrong scale drives the units to their limits",
    ),
    # How far a step goes.
    Cause(
        "learning_rate_out_of_band",
        (*_NONFINITE, *_UNSTABLE, *_STUCK, "update_too_large", "no_update", "dead_units", "amp_scale_collapse"),
        WHILE_IT_LASTS,
        "the learning rate sets the size of each step",
    ),
    Cause(
        "update_too_large",
        (*_NONFINITE, *_UNSTABLE, "dead_units", "saturated_activations", "amp_scale_collapse"),
        KNOWN_LATER,
        "a step that is too large overshoots",
    ),
    Cause(
        "resume_lost_state",
        (*_UNSTABLE, "update_too_large", "not_learning"),
        KNOWN_LATER,
        "without its state the optimizer begins anew",
    ),
    # The gradient and the loss.
    Cause("gradient_explosion", (*_NONFINITE, "divergence"), SOON, "an exploding gradient ends in overflow"),
    Cause(
        "gradient_explosion",
        ("loss_spike", "gradient_explosion_likely", "oscillation", "amp_scale_collapse"),
        KNOWN_LATER,
        "the exploding gradient has thrown the parameters",
    ),
    Cause(
        "nonfinite_loss",
        ("nonfinite_gradient",),
        AT_ONCE,
        "the gradient of a loss that is not finite",
        across_ranks=True,
    ),
    Cause(
        "nonfinite_gradient", ("nonfinite_loss",), NEXT_STEP, "the step took the gradient's NaN over", across_ranks=True
    ),
    Cause(
        "nonfinite_loss",
        ("loss_spike", "gradient_explosion_likely", "divergence", "amp_scale_collapse", "no_update"),
        KNOWN_LATER,
        "nothing can be learned from a loss that is not finite",
    ),
    Cause(
        "nonfinite_gradient",
        ("loss_spike", "gradient_explosion_likely", "divergence", "amp_scale_collapse", "no_update"),
        KNOWN_LATER,
        "no step can be made with a gradient that is not finite",
    ),
    Cause("amp_scale_collapse", ("no_update", *_STUCK), WHILE_IT_LASTS, "steps that overflow are skipped"),
    Cause("loss_spike", ("divergence",), Window((0.0, 3600.0), (0.0, 256.0)), "the loss has not come back"),
    Cause("oscillation", ("plateau",), WHILE_IT_LASTS, "the steps go to and fro"),
    Cause("not_learning", ("plateau",), WHILE_IT_LASTS, "a loss that does not fall stays where it is"),
    # The network.
    Cause(
        "loss_head_mismatch",
        (*_STUCK, *_NONFINITE, "divergence", "vanishing_gradient"),
        WHILE_IT_LASTS,
        "the loss does not measure what the head gives",
    ),
    Cause("dead_units", ("vanishing_gradient", "no_update", *_STUCK), WHILE_IT_LASTS, "no gradient passes a dead unit"),
    Cause(
        "dead_units",
        ("loss_spike", "divergence", "gradient_explosion_likely", "loss_head_mismatch"),
        KNOWN_LATER,
        "what dead units knew is lost",
    ),
    Cause(
        "saturated_activations",
        ("vanishing_gradient", "no_update", *_STUCK),
        WHILE_IT_LASTS,
        "hardly any gradient passes a saturated unit",
    ),
    Cause(
        "saturated_activations",
        ("loss_spike", "divergence", "gradient_explosion_likely"),
        KNOWN_LATER,
        "what saturated units knew is lost",
    ),
    Cause("vanishing_gradient", ("no_update", *_STUCK), WHILE_IT_LASTS, "without a gradient there is no step"),
    Cause("no_update", _STUCK, WHILE_IT_LASTS, "parameters that stay learn nothing"),
    # The machine.
    Cause(
        "gpu_fault",
        (*_NONFINITE, *_SLOW, "gradient_explosion", "hang", "server_down", *_SERVING),
        INFRASTRUCTURE,
        "the GPU is at fault",
    ),
    Cause("memory_leak", ("memory_pressure",), INFRASTRUCTURE, "the leak fills the memory"),
    Cause("memory_pressure", (*_SLOW, "hang", "latency_degraded"), INFRASTRUCTURE, "memory is short"),
    Cause("hang", _SLOW, INFRASTRUCTURE, "a process that stands still does nothing"),
    Cause("input_bound", _SLOW, INFRASTRUCTURE, "the steps wait for their input"),
    Cause("fail_slow", ("throughput_drop", "low_utilisation"), INFRASTRUCTURE, "slower steps do less"),
    # The server.
    Cause("server_down", (*_SERVING, "saturation"), INFRASTRUCTURE, "a server that is down answers nothing"),
    Cause("saturation", _SERVING, INFRASTRUCTURE, "the server has no room for more"),
    Cause("fail_slow", ("latency_degraded", "token_throughput_drop", "queue_growth"), INFRASTRUCTURE, "it has slowed"),
    Cause(
        "token_throughput_drop",
        ("queue_growth", "latency_degraded"),
        INFRASTRUCTURE,
        "a server that gives its tokens slowly lets requests wait",
    ),
    Cause("queue_growth", ("latency_degraded", "error_rate"), INFRASTRUCTURE, "requests wait too long"),
    Cause("error_rate", ("token_throughput_drop",), INFRASTRUCTURE, "failed requests give no tokens"),
)

SPREADING: tuple[str, ...] = _NONFINITE
"""What an all-reduce hands to every rank: on other ranks within the window it is a consequence of the earliest one."""

SPREAD = AT_ONCE

INDEPENDENT: tuple[str, ...] = ("run_crashed", "duplicate_writer", "overfitting")
"""Faults that neither follow from another nor lead to one: a rank's end closes everything else."""
