"""Signals under their canonical names, with the names that trainers and loggers use for them.

A name that is not here is kept as it is: any scalar may be watched.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

BadSide = Literal["high", "low", "both"]


class Signal(NamedTuple):
    """A canonical signal: its name, unit, what it means, and its foreign names (compared in lower case).

    `bad_side`: the direction in which an unusual value is worth an alert.
    """

    name: str
    unit: str
    meaning: str
    foreign_names: tuple[str, ...] = ()
    bad_side: BadSide = "both"


LOSS = Signal(
    "loss",
    "1",
    "training loss of the step",
    ("train_loss", "train/loss", "loss/train", "training_loss", "lm loss"),
    bad_side="high",
)
EVAL_LOSS = Signal(
    "eval_loss",
    "1",
    "loss on held-back data",
    ("val_loss", "val/loss", "eval/loss", "valid_loss", "validation_loss", "loss/val"),
    bad_side="high",
)
GRAD_NORM = Signal(
    "grad_norm",
    "1",
    "norm of the gradient of all parameters, before clipping",
    (
        "gradient_norm",
        "grad norm",
        "grad-norm",
        "gradnorm",
        "train/grad_norm",
        "grad/norm",
        "total_grad_norm",
    ),
    bad_side="high",
)
LEARNING_RATE = Signal(
    "learning_rate",
    "1",
    "learning rate of the step",
    ("lr", "train/lr", "train/learning_rate", "learning rate"),
)
LOSS_SCALE = Signal(
    "loss_scale",
    "1",
    "scale of mixed-precision training",
    ("loss scale", "amp_scale", "grad_scale", "scaler_scale"),
)
STEP_SECONDS = Signal("step_seconds", "seconds", "duration of one step", ("step_time", "time/step"), "high")
CPU_UTILIZATION = Signal("cpu_utilization_ratio", "1", "CPU used by the process and its children, in cores")
MEMORY_RSS = Signal("memory_rss_bytes", "bytes", "resident memory of the process and its children")
MEMORY_USS = Signal("memory_uss_bytes", "bytes", "memory that only these processes use, where it may be read")
THREADS = Signal("threads", "1", "threads of the process and its children")
OPEN_FILE_DESCRIPTORS = Signal("open_file_descriptors", "1", "file descriptors the process and its children hold")
CHILD_PROCESSES = Signal("child_processes", "1", "children of the process, theirs included")
DISK_READ = Signal("disk_read_bytes_per_second", "bytes per second", "read from disk by the process and its children")
DISK_WRITE = Signal(
    "disk_write_bytes_per_second", "bytes per second", "written to disk by the process and its children"
)
NETWORK_RECEIVE = Signal(
    "network_receive_bytes_per_second", "bytes per second", "received in the process's network namespace"
)
NETWORK_TRANSMIT = Signal(
    "network_transmit_bytes_per_second", "bytes per second", "sent in the process's network namespace"
)

ALL: tuple[Signal, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Signal))

_CANONICAL = {foreign: signal.name for signal in ALL for foreign in (signal.name, *signal.foreign_names)}

_BAD_SIDES = {signal.name: signal.bad_side for signal in ALL}


def bad_side(name: str) -> BadSide:
    """Return the direction in which a signal of this canonical name alerts; both for one the catalogue lacks."""
    return _BAD_SIDES.get(name, "both")


def canonical(name: str) -> str:
    """Return the canonical name of a signal; a name the catalogue does not know is returned unchanged."""
    return _CANONICAL.get(name.lower(), name)
