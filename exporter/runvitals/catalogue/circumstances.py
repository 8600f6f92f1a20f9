"""What the circumstances of a finding tell about it: its category, how sure that is, and what to do first."""

from __future__ import annotations

from typing import NamedTuple

from runvitals.catalogue.faults import Category
from runvitals.values import EventKind

EVENT_SECONDS = 120.0
"""A log line is evidence of what happens within so long of it."""

COLLECTIVE_TIMEOUT_SECONDS = 3600.0
"""So long after a stall began a collective may give up: PyTorch waits for 10 minutes with NCCL, 30 elsewhere."""


class Circumstance(NamedTuple):
    """A rule: of `faults` that open under these circumstances the category is this, with this confidence.

    The circumstances are all that is named here: an event of one of the kinds of `events`, from EVENT_SECONDS before
    the opening to `seconds_after` it; one of `findings` (faults that are open on the rank, or were until its run
    ended); and all of `signs` (what the samples tell; `diagnosis/signs.py` reads them). `first_action` takes the place
    of the fault's own.
    """

    faults: tuple[str, ...]
    category: Category
    confidence: float
    events: tuple[EventKind, ...] = ()
    findings: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    first_action: str = ""
    seconds_after: float = EVENT_SECONDS


_NONFINITE = ("nonfinite_loss", "nonfinite_gradient")
_UNSTABLE = ("gradient_explosion", "gradient_explosion_likely", "loss_spike", "divergence", "update_too_large")
_STOPPED = ("run_crashed", "hang")

ALL: tuple[Circumstance, ...] = (  # of those that hold for a finding, the first decides
    Circumstance(
        (*_STOPPED, *_NONFINITE, "gradient_explosion", "fail_slow", "throughput_drop", "server_down"),
        "infrastructure",
        0.95,
        events=(EventKind.XID,),
        first_action="Take the GPU named in the log out of service, then restart from the last checkpoint.",
    ),
    Circumstance(
        ("run_crashed", "server_down"),
        "infrastructure",
        0.95,
        events=(EventKind.OUT_OF_MEMORY,),
        first_action="Lower the batch size or the sequence length, or find the leak; then restart from a checkpoint.",
    ),
    Circumstance(
        ("run_crashed",),
        "infrastructure",
        0.8,
        findings=("memory_pressure", "memory_leak"),
        first_action="Look in the kernel log for the out-of-memory killer, lower the use of memory, then restart.",
    ),
    Circumstance(
        _STOPPED,
        "infrastructure",
        0.9,
        events=(EventKind.COLLECTIVE_TIMEOUT,),
        first_action="Find the rank that did not come to the collective (py-spy dump on each), then look at its node.",
        seconds_after=COLLECTIVE_TIMEOUT_SECONDS,
    ),
    Circumstance(
        ("run_crashed",),
        "infrastructure",
        0.8,
        events=(EventKind.KILLED,),
        first_action="Find who killed it (kernel log, scheduler, preemption), then restart from the last checkpoint.",
    ),
    Circumstance(
        ("run_crashed",),
        "infrastructure",
        0.7,
        findings=("hang", "gpu_fault"),
        first_action="Find out why it stood still before it ended (GPU, network, peers), then restart it.",
    ),
    Circumstance(
        ("run_crashed",),
        "structure",
        0.8,
        events=(EventKind.TRACEBACK, EventKind.RUN_RAISED),
        first_action="Read the traceback in the log and mend the code; a restart alone meets the same error.",
    ),
    Circumstance(
        (*_NONFINITE, *_UNSTABLE),
        "data",
        0.95,
        signs=("nonfinite_input",),
        first_action="Take the batch out of the data, and go back to the last checkpoint before it.",
    ),
    Circumstance(
        (*_NONFINITE, *_UNSTABLE),
        "data",
        0.8,
        findings=("bad_batch", "bad_input"),
        first_action="Skip this batch and the one before it, and go back to the last checkpoint before them.",
    ),
    Circumstance(
        ("nonfinite_gradient", "amp_scale_collapse"),
        "parameters",
        0.8,
        events=(EventKind.LOSS_SCALE_OVERFLOW,),
        first_action="Lower the loss scale, or train in bfloat16; if that does not help, lower the learning rate.",
    ),
    Circumstance(
        _NONFINITE,
        "structure",
        0.9,
        signs=("first_steps", "finite_input"),
        first_action="Look at the code of network and loss: initialisation, masks, logarithms, divisions, precision.",
    ),
    Circumstance(
        _NONFINITE,
        "structure",
        0.7,
        signs=("first_steps",),
        first_action="Check that the first batches are finite; then look at initialisation, masks, logs and divisions.",
    ),
    Circumstance(
        (*_NONFINITE, *_UNSTABLE),
        "parameters",
        0.9,
        signs=("learning_rate_raised", "gradient_risen"),
        first_action="Go back to a checkpoint from before the learning rate was raised, and raise it less.",
    ),
    Circumstance(
        (*_NONFINITE, *_UNSTABLE, "oscillation", "dead_units", "amp_scale_collapse"),
        "parameters",
        0.8,
        signs=("learning_rate_raised",),
        first_action="Go back to a checkpoint from before the learning rate was raised, and raise it less.",
    ),
    Circumstance(_NONFINITE, "parameters", 0.7, signs=("gradient_risen",)),
    Circumstance(
        ("not_learning",),
        "data",
        0.7,
        signs=("parameters_move",),
        first_action="Check by eye, on twenty examples, that labels belong to their inputs (shuffling, joins).",
    ),
    Circumstance(
        _NONFINITE,
        "infrastructure",
        0.6,
        signs=("one_rank_alone",),
        first_action="Keep this rank's batch and run the step on another GPU; if it is finite there, change the node.",
    ),
)
