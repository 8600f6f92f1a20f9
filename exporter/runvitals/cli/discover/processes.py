"""Processes that look like a trainer or a model server, told by their command line.

Command lines may hold passwords: what is printed of one is the word by which it was recognised.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import PurePath
from typing import Any, NamedTuple

import psutil

from runvitals.cli.discover.listing import Found
from runvitals.cli.discover.servers import Page
from runvitals.client.live_rings import live_rings
from runvitals.client.ring_folders import reader_folders

MAX_TARGETS = 64

SERVERS = (
    "vllm",
    "sglang.launch_server",
    "sglang_router",
    "text-generation-launcher",
    "text-generation-router",
    "tritonserver",
    "trtllm-serve",
    "torchserve",
    "tensorflow_model_server",
    "llama-server",
)
LAUNCHERS = ("torchrun", "torch.distributed.run", "accelerate", "deepspeed", "mpirun", "horovodrun")
_SCRIPT = re.compile(
    r"(^|[_\-./])(pre)?train(er|ing|_\w+|-\w+)?(\.py)?$|(^|[_\-./])(finetune|sft|dpo|grpo|ppo)\w*(\.py)?$"
)


class Suspect(NamedTuple):
    """A process that looks like one to watch, and the argument of its command line that says so."""

    pid: int
    word: str


def find() -> list[Suspect]:
    """Return the suspects among the processes that may be seen, the topmost of each tree."""
    suspects: dict[int, Suspect] = {}
    parents: dict[int, int] = {}
    for process in psutil.process_iter(["pid", "ppid", "cmdline"]):
        word = recognised(process.info["cmdline"] or [])
        parents[process.info["pid"]] = process.info["ppid"] or 0
        if word is not None and process.info["pid"] != os.getpid():
            suspects[process.info["pid"]] = Suspect(process.info["pid"], word)
    return [one for pid, one in sorted(suspects.items()) if not _has_suspect_above(pid, parents, suspects)]


def recognised(arguments: list[str]) -> str | None:
    """Return the argument by which a command line is a server's or a trainer's; None where it is neither.

    The program, its module (`-m`) or its script tells, or what a launcher launches; an editor of `train.py` is none.
    """
    words = list(_programs(arguments))
    for word in words:
        if PurePath(word).name in SERVERS or word in SERVERS or word.partition(".")[0] in SERVERS:
            return next(one for one in SERVERS if one in (PurePath(word).name, word, word.partition(".")[0]))
    scripts = [word for word in words if _SCRIPT.search(word)]
    launchers = [word for word in words if PurePath(word).name in LAUNCHERS or word in LAUNCHERS]
    return next(iter([*scripts, *launchers]), None)


def sources(suspects: Iterable[Suspect], pages: Mapping[int, Page]) -> Iterator[Found]:
    """Yield the process source: with the rings' processes, and those suspects that no ring speaks for."""
    known = {ring.header.pid for ring in live_rings(reader_folders())}
    targets: dict[str, dict[str, Any]] = {}
    for one in suspects:
        pids = {one.pid, *_children(one.pid)}
        if not known & pids and len(targets) < MAX_TARGETS:
            target = _target(one.word, next((port for port, page in pages.items() if page.pid in pids), None))
            targets.setdefault(str(target), target)
    names = ", ".join(sorted({str(target["run"]) for target in targets.values()}))
    settings: dict[str, Any] = {"kind": "process"} | ({"targets": list(targets.values())} if targets else {})
    yield Found(settings, f"the processes of runs with a ring{f', and of {names}' if names else ''}")


def _programs(arguments: list[str]) -> Iterator[str]:
    """Yield what is executed: the program, and for an interpreter or a launcher its module or script as well."""
    if not arguments:
        return
    yield arguments[0]
    if not re.match(r"python|pypy|bash|sh$|env$|ray", PurePath(arguments[0]).name) and not _is_launcher(arguments[0]):
        return
    for before, word in pairwise(arguments):
        if before == "-m" or (word.endswith((".py", ".sh")) and not word.startswith("-")):
            yield word
            if not _is_launcher(word):
                return
        elif PurePath(word).name in (*SERVERS, *LAUNCHERS) and before == arguments[0]:
            yield word


def _is_launcher(word: str) -> bool:
    return PurePath(word).name in LAUNCHERS or word in LAUNCHERS


def _target(word: str, port: int | None) -> dict[str, Any]:
    name = PurePath(word).stem if word.endswith((".py", ".sh")) else PurePath(word).name
    run = re.sub(r"[^\w.-]+", "-", name)
    return {"run": run, "port": port} if port is not None else {"run": run, "pattern": re.escape(word)}


def _children(pid: int) -> set[int]:
    try:
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    except psutil.Error:
        return set()


def _has_suspect_above(pid: int, parents: Mapping[int, int], suspects: Mapping[int, Suspect]) -> bool:
    seen = {pid}
    while (pid := parents.get(pid, 0)) and pid not in seen:
        if pid in suspects:
            return True
        seen.add(pid)
    return False
