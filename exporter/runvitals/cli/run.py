"""`runvitals run -- COMMAND…`: becomes the command, which is watched without a change to it.

It is the command's own process from then on, so signals and the exit code are the command's. A Python script is
recorded from its start, with how it ends; a training loop of PyTorch from its first step. Where the command starts
others (torchrun, a shell script), each process that makes steps records its own rank.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from runvitals.cli.errors import CannotRunError
from runvitals.training import startup

_LAUNCHERS = {"torchrun", "accelerate", "deepspeed", "mpirun", "mpiexec", "srun", "horovodrun"}
_LAUNCHER_MODULES = {"torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--run", metavar="NAME", help="the run's name (default: the script's, without its ending)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run, with arguments")


def main(arguments: argparse.Namespace) -> int:
    """Become the command."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise CannotRunError("say what to run: runvitals run -- python train.py")
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environment(arguments.run or name_of(command), command))  # noqa: S606
    except OSError as error:
        raise CannotRunError(f"{command[0]}: {error.strerror}") from error


def environment(run: str, command: list[str]) -> dict[str, str]:
    """Return the environment in which a command's Python attaches to the run by itself."""
    folder = str(Path(startup.__file__).parent)
    changed = {**os.environ, startup.RUN: run}
    changed["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
    changed.pop(startup.ATTACHED, None)
    changed.pop(startup.FIRST_PROCESS, None)
    if not is_launcher(command):
        changed[startup.FIRST_PROCESS] = str(os.getpid())
    return changed


def is_launcher(command: list[str]) -> bool:
    """Tell whether a command starts the processes that train, rather than to be one."""
    return Path(command[0]).name in _LAUNCHERS or not _LAUNCHER_MODULES.isdisjoint(command)


def name_of(command: list[str]) -> str:
    """Return a name for the run: that of the first script in the command, else of the program."""
    script = next((word for word in command if word.endswith((".py", ".sh"))), command[0])
    return Path(script).stem
