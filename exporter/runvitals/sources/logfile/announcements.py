"""Lines that say what a trainer does next: it evaluates, it saves a checkpoint, or it has finished."""

from __future__ import annotations

import re
from collections.abc import Iterable

from runvitals.sources.logfile.row import Clue
from runvitals.values import EventKind

_SAYINGS = (
    (
        EventKind.CHECKPOINT,
        re.compile(r"\b[Ss]aving (?:the |model |training )?(?:checkpoint|state)|\[Torch\] Saving "),
    ),
    (
        EventKind.EVALUATION,
        re.compile(
            r"\*{3,} Running (?:Evaluation|Prediction)|\b[Bb]egin(?:ning)? validation|\b[Ee]valuating (?:iter|on)\b"
        ),
    ),
    (
        EventKind.RUN_FINISHED,
        re.compile(
            r"\{'train_runtime': ?|\bTraining completed\b|\[after training is done\]|\| done training in "
            r"|\bexits successfully\b|Trainer\.fit`? stopped: |\[exiting program at iteration"
            r"|\A\d+ epochs completed in |\Atotal average iteration time:"
        ),
    ),
)
"""As Megatron-LM, DeepSpeed, the Trainers of Hugging Face and Lightning, torchtitan, fairseq, nanoGPT, llm.c and
Ultralytics print it."""

WORDS = (
    *("aving ", "*** Running ", "validation", "valuating ", "train_runtime", "raining completed", "training is done"),
    *("done training", "exits success", "stopped: ", "exiting program", "epochs completed", "total average"),
)
"""Each of them needs one of these, and most lines have none."""


def announced_in(line: str, words: Iterable[str] = WORDS) -> list[Clue]:
    """Return what a line announces; `words` are those of WORDS that it may have."""
    for word in words:
        if word in line:
            return [Clue(kind, "") for kind, pattern in _SAYINGS if pattern.search(line)]
    return []
