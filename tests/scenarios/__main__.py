"""The score card: `python -m tests.scenarios` from the repository root.

Thresholds may be chosen on `--half choosing` alone; the card that counts is that of the other half, the default.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.scenarios import archive, card
from tests.scenarios.card import Judged
from tests.scenarios.evaluation import judge, watch
from tests.scenarios.rules import judge_rules
from tests.scenarios.scenario import Scenario
from tests.scenarios.suite import ALL, BY_NAME, seeds_of

HEALTHY_SEEDS = 2
"""Healthy runs have so many times the seeds: one false finding in 100,000 steps takes many steps to see."""


def main() -> int:
    """Print the list, or the card."""
    arguments = _arguments()
    scenarios = [one for one in ALL if not arguments.only or any(part in one.name for part in arguments.only)]
    if arguments.list:
        for one in scenarios:
            print(f"{one.name:<40}{one.fault or 'healthy':<28}{one.category}")
        return 0
    if not scenarios:
        print(f"no scenario is called {' or '.join(arguments.only)}; --list names them", file=sys.stderr)
        return 1
    for line in card.lines(list(_judged(scenarios, arguments))):
        print(line)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description="The score card of the detectors.")
    parser.add_argument("--half", choices=("choosing", "card"), default="card", help="which seeds (default: card)")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="seeds a fault; healthy: twice (default 2)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default 1)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="those whose name holds this")
    parser.add_argument("--runs", type=Path, metavar="DIR", help="keep the generated runs here, and take them from it")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    return parser.parse_args()


def _judged(scenarios: list[Scenario], arguments: argparse.Namespace) -> Iterator[Judged]:
    has_torch = importlib.util.find_spec("torch") is not None
    tasks = [
        (one.name, seed)
        for one in scenarios
        if has_torch or not one.needs_torch
        for seed in seeds_of(arguments.half, arguments.seeds * (HEALTHY_SEEDS if one.is_healthy else 1))
    ]
    left_out = sum(one.needs_torch for one in scenarios) if not has_torch else 0
    if left_out:
        print(f"{left_out} scenarios are left out: they need PyTorch", file=sys.stderr)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for done, one in enumerate(pool.map(partial(_judge, arguments.runs), tasks), 1):
            if sys.stderr.isatty():
                print(f"\r{done} of {len(tasks)} runs", end="", file=sys.stderr, flush=True)
            yield one
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _judge(folder: Path | None, task: tuple[str, int]) -> Judged:
    name, seed = task
    scenario = BY_NAME[name]
    recording = archive.recording(scenario, seed, folder)
    return Judged(judge(scenario, seed, recording, watch(recording)), judge_rules(scenario, recording))


if __name__ == "__main__":
    sys.exit(main())
