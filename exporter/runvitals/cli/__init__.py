"""The command `runvitals`.

Exit codes: 0 done; 1 it could not be done (an address in use, a folder not writable, a file not readable); 2 the
command line or the config is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from runvitals import __version__
from runvitals.cli import bundle, check_config, discover, drill, explain, incidents, replay, run, serve, tail
from runvitals.cli.errors import CannotRunError
from runvitals.config import ConfigError
from runvitals.demo import command as demo

_COMMANDS = {
    "serve": (serve, "watch runs and processes, and serve /metrics"),
    "run": (run, "run a command, and watch it without a change to it"),
    "check-config": (check_config, "say whether a config is right"),
    "discover": (discover, "look at this machine, and print the config that would watch what runs here"),
    "replay": (replay, "run recorded data through the detectors, and print the findings"),
    "tail": (tail, "show what is seen in a recorded or growing file"),
    "explain": (explain, "say why the scores at one step are what they are"),
    "incidents": (incidents, "list and show what was wrong, and decide about it"),
    "bundle": (bundle, "write rules, routes, dashboards and runbooks for an installation"),
    "drill": (drill, "send an alert that is marked as a drill, and say whom such a one reaches"),
    "demo": (demo, "train a small network until its gradients explode, to see what is shown"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: the process's own); return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.main(arguments))
    except ConfigError as error:
        print(f"runvitals: {error}", file=sys.stderr)
        return 2
    except CannotRunError as error:
        print(f"runvitals: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left; there is nothing more to say
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runvitals",
        description="The vitals of training runs and model servers, as Prometheus metrics.",
        epilog="Exit codes: 0 done; 1 it could not be done; 2 the command line or the config is wrong.",
    )
    parser.add_argument("--version", action="version", version=f"runvitals {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, purpose) in _COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
        module.add_arguments(command)
        command.set_defaults(main=module.main)
    return parser
