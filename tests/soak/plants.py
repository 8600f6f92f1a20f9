"""What goes on around the sidecar, each in a thread of its own; what should become an incident is written down."""

from __future__ import annotations

import itertools
import math
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.servers import LOOPBACK, serving_page

TRAINING_SECONDS = 12.0
TRAINING = """
import math, random, sys, time
import runvitals
name, ending, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
draw = random.Random(name).lognormvariate
with runvitals.watch(name, rank=0) as run:
    began, step = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        loss = math.nan if ending == "nan" and step == 60 else draw(0.0, 0.05)
        run.log(step=step, loss=loss, grad_norm=draw(0.0, 0.1), learning_rate=1e-3)
        step += 1
        time.sleep(0.05)
    if ending == "crash":
        print("logged", flush=True)
        time.sleep(3600)
"""
SERVER = "server"
SERVER_UP_SECONDS, SERVER_DOWN_SECONDS = 25.0, 15.0
LOG = "logged"
FLOOD_LINES = 20_000
FLOOD_NAMES, FLOOD_SERIES = 1000, 50
"""More names than are taken in; most lines are of a few, whose windows are full after one flood or two."""


class Planted:
    """What should stand in the journal in the end, by run and fault, and what was done besides."""

    def __init__(self) -> None:
        self.incidents: Counter[tuple[str, str]] = Counter()
        self.done: Counter[str] = Counter()
        self.log_lines = 0


class Plants:
    """Threads that do things again and again until they are told to stop; one that fails is raised at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.planted = Planted()
        self.stop = threading.Event()
        self.failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def begin(self, *work: Callable[[Plants], None]) -> None:
        """Start a thread for each."""
        for one in work:
            thread = threading.Thread(target=self._guarded, args=(one,), name=one.__name__)
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Let each come to the end of what it does. Raises what one of them raised."""
        self.stop.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _guarded(self, work: Callable[[Plants], None]) -> None:
        try:
            work(self)
        except BaseException as error:  # noqa: BLE001  # raised by `end`
            self.failures.append(error)


def trainings(plants: Plants) -> None:
    """Begin a training every few seconds: some finish, some lose their loss, some are killed."""
    running: list[tuple[str, subprocess.Popen[str]]] = []
    for number, ending in enumerate(itertools.cycle(("finish", "nan", "crash"))):
        if plants.stop.is_set():
            break
        name = f"{ending}-{number}"
        running.append((ending, _training(name, ending)))
        plants.planted.done["trainings"] += 1
        if ending != "finish":
            plants.planted.incidents[name, {"nan": "nonfinite_loss", "crash": "run_crashed"}[ending]] += 1
        if len(running) > 2:
            _see_off(*running.pop(0))
        plants.stop.wait(4.0)
    for one in running:
        _see_off(*one)


def _training(name: str, ending: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TRAINING, name, ending, str(TRAINING_SECONDS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _see_off(ending: str, training: subprocess.Popen[str]) -> None:
    """Wait until it ends; a crash is a kill in the middle of the run."""
    with training:
        if ending == "crash":
            assert training.stdout is not None
            training.stdout.readline()
            training.kill()
        training.wait()


class Server:
    """A model server's page that can be taken away; it comes back at the same port."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.port = self._stack.enter_context(serving_page(_page))

    def die(self) -> None:
        """Close the port."""
        self._stack.close()

    def come_back(self) -> None:
        """Serve again."""
        self._stack.enter_context(serving_page(_page, self.port))


def _page() -> str:
    return 'vllm:num_requests_running{model_name="m"} 1\nvllm:num_requests_waiting{model_name="m"} 0\n'


def dying_server(server: Server) -> Callable[[Plants], None]:
    """Return work that lets the server die again and again; an outage that has begun is not cut short."""

    def work(plants: Plants) -> None:
        while not plants.stop.wait(SERVER_UP_SECONDS):
            server.die()
            plants.planted.incidents[SERVER, "server_down"] += 1
            time.sleep(SERVER_DOWN_SECONDS)
            server.come_back()

    work.__name__ = "dying_server"
    return work


def rotated_log(plants: Plants) -> None:
    """Write lines of a training, rotate the file in the midst of it, and lose the loss now and then."""
    path, draw = log_path(plants.folder), random.Random(7).lognormvariate
    for step in itertools.count(1):
        loss = math.nan if step % 200 == 0 else draw(0.0, 0.05)
        _write_line(path, step, loss)
        plants.planted.log_lines = step
        if math.isnan(loss):
            plants.planted.incidents[LOG, "nonfinite_loss"] += 1
        if step % 150 == 0:
            path.replace(path.with_name("train.log.1"))
            plants.planted.done["rotations"] += 1
        if plants.stop.wait(0.1):
            break


def log_path(folder: Path) -> Path:
    """Return where the log lies."""
    return folder / "logs" / LOG / "train.log"


def begin_log(folder: Path) -> None:
    """Make the log and a rotated one, so that both are there, and open, from the beginning."""
    path = log_path(folder)
    path.parent.mkdir(parents=True)
    for file in (path, path.with_name("train.log.1")):
        file.write_text(f"{file.name} of a training that has yet to begin\n")


def _write_line(path: Path, step: int, loss: float) -> None:
    with path.open("a") as file:
        file.write(f"iter {step}: loss {loss:.6f}, time 100.00ms\n")


def flood(port: int) -> Callable[[Plants], None]:
    """Return work that sends more than the source and the store will take, of many names, once in a while."""

    def work(plants: Plants) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while True:
                for number in range(FLOOD_LINES):
                    name = number if number < FLOOD_NAMES else number % FLOOD_SERIES
                    line = b"flood_%d:%d|g|#run:flood" % (name, number * 7919 % 997)
                    sender.sendto(line, (LOOPBACK, port))
                plants.planted.done["floods"] += 1
                if plants.stop.wait(15.0):
                    return

    work.__name__ = "flood"
    return work


def environment(folder: Path) -> dict[str, str]:
    """Return the variables under which trainings find the sidecar's folder."""
    (folder / "runs").mkdir()
    return {"RUNVITALS_RUNS_DIR": str(folder / "runs"), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
