"""Training processes that write rings, for the tests of their reader."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENDLESS = """
import sys, time, runvitals
run = runvitals.watch(sys.argv[1], rank=int(sys.argv[2]))
print("ready", flush=True)
step = 0
while True:
    step += 1
    run.log(step=step, loss=step * 0.5, grad_norm=step * 3.0, check=step * 0.5 + step * 3.0)
    if step % 7 == 0:
        run.log({"new_" + str(step // 7000): 1.0 * step}, step=step, layer="l" + str(step % 3))
"""
"""Logs as fast as it can values that belong together."""

OBEDIENT = """
import sys, runvitals
run = runvitals.watch(sys.argv[1], rank=int(sys.argv[2]))
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""
"""Does what it is told, line by line."""


class Writer:
    """A process that writes a ring, and does as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def do(self, line: str) -> None:
        """Have it run a line of Python and wait until that is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def kill(self) -> None:
        """End it with SIGKILL and wait for its end."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        """Let it end in the ordinary way."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@contextmanager
def writing(
    folder: Path, run: str = "r", rank: int = 0, script: str = OBEDIENT, prefix: Sequence[str] = (), **options: Any
) -> Iterator[Writer]:
    """A writer that has opened its ring; killed at the end if it still lives."""
    environment = {**os.environ, "RUNVITALS_RUNS_DIR": str(folder)}
    command = [*prefix, sys.executable, "-c", script, run, str(rank)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, **options
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line == "ready\n", line
            yield Writer(process)
        finally:
            if process.poll() is None:
                process.kill()
