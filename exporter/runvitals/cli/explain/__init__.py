"""`runvitals explain`: why the scores at one step are what they are."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from runvitals.cli import replaying
from runvitals.cli.errors import CannotRunError
from runvitals.cli.explain.answer import Answer, Inquiry, answer
from runvitals.cli.explain.text import lines
from runvitals.cli.progress import Progress
from runvitals.config import Config, load
from runvitals.exposition.findings_json import as_json
from runvitals.sources.recorded import Recording, RecordingError
from runvitals.sources.ring import RingSettings, newest_rings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="ring files and what trainers write; or a run's name: its newest ring"
    )
    parser.add_argument("--step", type=int, required=True, metavar="N", help="the step to explain")
    parser.add_argument("--signal", help="this signal alone (default: every signal of the step)")
    parser.add_argument("--run", help="this run alone; it names the run too, where a file does not say")
    parser.add_argument("--rank", help="this rank alone")
    parser.add_argument("--layer", help="this layer alone")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    replaying.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Replay each file, and print what was known at the step."""
    config = load(arguments.config_file)
    inquiry = Inquiry(arguments.step, arguments.run, arguments.rank, arguments.signal, arguments.layer)
    answers = []
    try:
        for path in (path for name in arguments.files for path in _recordings(name, inquiry, config)):
            with Progress(path, is_wanted=arguments.progress) as progress:
                recording = Recording(path, arguments.run, arguments.step_seconds, progress.show)
                answers.append(_answered(recording, config, inquiry))
            if not arguments.json:
                print("\n".join(lines(answers[-1])))
    except RecordingError as error:
        raise CannotRunError(str(error)) from error
    except BrokenPipeError:
        raise  # whoever read our output has left
    except OSError as error:
        raise CannotRunError(f"{error.filename}: {error.strerror}") from error
    if arguments.json:
        print(as_json(msgspec.to_builtins(answers)))
    return 0


def _answered(recording: Recording, config: Config, inquiry: Inquiry) -> Answer:
    found = answer(replaying.Replay(recording, config), config.series, inquiry)
    if not found.signals:
        raise CannotRunError(f"{recording.path}: {found.missing(inquiry)}")
    return found


def _recordings(name: str, inquiry: Inquiry, config: Config) -> list[Path]:
    """Return the file of that name, or else the newest ring of the run: of each rank, or of the rank asked for."""
    if Path(name).exists():
        return [Path(name)]
    folders = [folder for one in config.sources if isinstance(one, RingSettings) for folder in one.folders]
    rings = newest_rings(folders, name)
    if not rings:
        raise CannotRunError(f"{name}: there is no such file, and no run of that name in {', '.join(folders) or '-'}")
    if inquiry.rank is not None and inquiry.rank not in rings:
        raise CannotRunError(f"{name}: no ring of rank {inquiry.rank}; there are {', '.join(sorted(rings))}")
    return [Path(path) for rank, path in sorted(rings.items()) if inquiry.rank in (None, rank)]
