"""`runvitals demo`: the demo training as a command."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import threading
from typing import TYPE_CHECKING

from runvitals.demo import schedule

if TYPE_CHECKING:
    from runvitals.demo.training import Step

INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `runvitals demo`."""
    parser.add_argument("--run", default="demo", help="name of the run (default: %(default)s)")
    parser.add_argument("--rank", default=None, help="rank of this process (default: from the environment, else 0)")
    parser.add_argument(
        "--steps", type=_positive_int, default=None, metavar="N", help="end after N steps (default: never)"
    )
    parser.add_argument(
        "--step-seconds",
        type=_seconds,
        default=schedule.STEP_SECONDS,
        metavar="S",
        help="seconds from step to step (default: %(default)s)",
    )
    parser.add_argument(
        "--explode-after",
        type=_positive_int,
        default=schedule.EXPLODE_AFTER,
        metavar="STEP",
        help="raise the learning rate from this step on (default: %(default)s)",
    )
    parser.add_argument("--healthy", action="store_true", help="never raise the learning rate")
    parser.add_argument(
        "--growth",
        type=_growth,
        default=schedule.GROWTH,
        metavar="FACTOR",
        help="factor by which each step raises the learning rate (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and batches (default: %(default)s)")
    parser.add_argument(
        "--print-every",
        type=_positive_int,
        default=20,
        metavar="N",
        help="print every N-th step (default: %(default)s)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Train as told and return the exit code: 0 when it ended by itself or by SIGTERM, 130 on Ctrl-C."""
    from runvitals.demo.training import train  # numpy is loaded by who trains, not by every command

    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        made = train(
            run=arguments.run,
            rank=arguments.rank,
            limit=arguments.steps,
            step_seconds=arguments.step_seconds,
            seed=arguments.seed,
            explode_after=None if arguments.healthy else arguments.explode_after,
            growth=arguments.growth,
            stop=stop,
            tell=_Printer(arguments.print_every),
        )
    except KeyboardInterrupt:
        _print("interrupted")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)
    _print(f"finished after {made} steps")
    return 0


class _Printer:
    """Prints every n-th step, and the first one that is not finite."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._finite = True

    def __call__(self, step: Step) -> None:
        finite = math.isfinite(step.loss) and math.isfinite(step.grad_norm)
        if step.number % self._every == 0 or finite != self._finite:
            _print(
                f"step {step.number:6d}  loss {step.loss:10.4g}  grad_norm {step.grad_norm:10.4g}"
                f"  learning_rate {step.learning_rate:8.4g}"
            )
        self._finite = finite


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return value


def _growth(text: str) -> float:
    value = float(text)
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is below 1: the learning rate would not rise")
    return value
