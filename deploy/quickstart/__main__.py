"""The quickstart as a command; see quickstart.sh for its arguments and exit codes."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from . import programs, stations
from .addresses import LOOPBACK, Addresses, choose, url
from .narration import Narration
from .processes import Processes, ProgramEndedError
from .story import LOOK_EVERY, Story
from .watch import Watch

FAILED, SIDECAR_ALONE, ALREADY_RUNNING, NOT_ARRIVED, INTERRUPTED = 1, 3, 4, 5, 130


def main() -> int:
    """Run the quickstart and return its exit code."""
    arguments = _parser().parse_args()
    root = Path(__file__).resolve().parents[2]
    home: Path = arguments.folder or root / ".quickstart"
    home.mkdir(exist_ok=True)
    if arguments.folder and any(home.iterdir()) and not (home / "lock").exists():
        sys.stderr.write(f"{home} holds something else, and would be emptied.\nRemedy: name a new folder\n")
        return FAILED
    lock = _lock(home / "lock")
    if lock is None:
        other = (home / "lock").read_text().strip()
        sys.stderr.write(f"A quickstart of this folder is running already: process {other}.\nRemedy: kill {other}\n")
        return ALREADY_RUNNING
    with lock:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        return _guarded(arguments, programs.Folders(root, _empty(home / "data"), _empty(home / "logs")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy/quickstart.sh")
    parser.add_argument("--once", action="store_true", help="end after the story instead of staying up until Ctrl-C")
    parser.add_argument("--no-demo", action="store_true", help="start no training: watch runs of your own")
    parser.add_argument(
        "--no-alerting", action="store_true", help="the sidecar alone, without Prometheus and Alertmanager"
    )
    parser.add_argument("--folder", type=Path, help="where everything is written (default: .quickstart)")
    return parser


def _lock(path: Path) -> TextIO | None:
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _guarded(arguments: argparse.Namespace, folders: programs.Folders) -> int:
    processes = Processes(folders.logs)
    try:
        return _run(arguments, folders, processes)
    except (ProgramEndedError, OSError) as error:
        sys.stderr.write(f"\n{error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stdout.write("\nstopping\n")
        return INTERRUPTED if arguments.once else 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C does not leave half of them running
        processes.stop_all()


def _run(arguments: argparse.Namespace, folders: programs.Folders, processes: Processes) -> int:
    addresses, narration = choose(), Narration()
    with_alerting = not arguments.no_alerting
    _start(processes, folders, addresses, with_alerting=with_alerting)
    _tell_addresses(narration, addresses, with_alerting=with_alerting)
    watch = Watch(addresses, folders.inbox, narration, with_alerting=with_alerting)
    code = 0
    if not arguments.no_demo:
        story = Story(processes, watch, narration, with_alerting=with_alerting)
        story.tell(lambda: programs.start_training(processes, folders))
        code = _conclude(narration, story.missing, folders.logs, with_alerting=with_alerting)
    if arguments.once:
        return code
    return _stay(processes, watch, narration, folders)


def _start(processes: Processes, folders: programs.Folders, addresses: Addresses, *, with_alerting: bool) -> None:
    programs.start_sidecar(processes, folders, addresses)
    if with_alerting:
        programs.start_catcher(processes, folders, addresses)
        programs.start_alertmanager(processes, folders, addresses)
        programs.start_prometheus(processes, folders, addresses)


def _tell_addresses(narration: Narration, addresses: Addresses, *, with_alerting: bool) -> None:
    narration.plain("Open in a browser on this machine:")
    narration.plain(f"    sidecar       {url(addresses.sidecar)}")
    if with_alerting:
        narration.plain(f"    Prometheus    {stations.alerts_page(url(addresses.prometheus))}")
        narration.plain(f"    Alertmanager  {url(addresses.alertmanager)}")
        narration.plain(
            f"                  or: .tools/bin/amtool alert --alertmanager.url={url(addresses.alertmanager)}"
        )
        narration.plain(
            f"Nothing leaves this machine: mail goes to {LOOPBACK}:{addresses.smtp}, SMS to {url(addresses.sns)}."
        )
    narration.plain()


def _conclude(narration: Narration, missing: list[str], logs: Path, *, with_alerting: bool) -> int:
    narration.plain()
    if missing:
        narration.plain(f"Did not arrive in time: {', '.join(missing)}. The logs are in {logs}.")
        return NOT_ARRIVED
    if not with_alerting:
        narration.plain("The finding opened and closed. No e-mail and no SMS: the sidecar ran alone.")
        return SIDECAR_ALONE
    narration.plain("The e-mail and the SMS arrived, and so did the all-clear.")
    return 0


def _stay(processes: Processes, watch: Watch, narration: Narration, folders: programs.Folders) -> int:
    narration.plain("\nEverything stays up until Ctrl-C. To watch a run of your own, start it with:")
    narration.plain(f"    export RUNVITALS_RUNS_DIR={folders.runs}\n")
    while True:
        processes.check()
        watch.look()
        time.sleep(LOOK_EVERY)


if __name__ == "__main__":
    sys.exit(main())
