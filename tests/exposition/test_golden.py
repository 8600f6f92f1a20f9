"""The page of a run that explodes and crashes, kept as a file: a change of what users scrape is seen in the diff.

`RUNVITALS_UPDATE_GOLDEN=1 pytest tests/exposition/test_golden.py` writes it anew.
"""

import logging
import math
import os
import random
import subprocess
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from runvitals.diagnosis.settings import resolve
from runvitals.exposition.backend import ReloadStatus
from runvitals.exposition.log_once import LogOnce
from runvitals.exposition.metrics_page import metrics_page
from runvitals.exposition.metrics_text import negotiate
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.values import Event, EventKind, JournalView, Sample, SourceView
from tests.programs import find_program

GOLDEN = Path(__file__).with_name("golden") / "metrics.prom"
START = 1_700_000_000.0
VARYING = ("process_", "runvitals_build_info", "python_")


def story():
    """A rank whose gradients explode to NaN before its process dies, and one that stays healthy."""
    rng = random.Random(42)
    for rank in ("0", "1"):
        fields = {"pid": "4711", "host": "node-7", "world_size": "2"}
        yield Event(EventKind.RUN_STARTED, "llama-pretrain", rank, START, fields=fields)
        for step in range(1, 400):
            doomed = rank == "0"
            growth = 1.25 ** max(0, step - 350) if doomed else 1.0
            norm = math.nan if doomed and step > 390 else growth * (1.0 + 0.2 * rng.random())
            time = START + step
            yield Sample("llama-pretrain", rank, "loss", "", time, step, norm + 2.0)
            yield Sample("llama-pretrain", rank, "grad_norm", "", time, step, norm)
            yield Sample("llama-pretrain", rank, "grad_norm", "h.0", time, step, norm / 2.0)
    yield Sample("llama-pretrain", "1", "loss", "", START + 400, 380, 1.0)  # late
    yield Event(EventKind.RUN_CRASHED, "llama-pretrain", "0", START + 401)


def page():
    pipeline = Pipeline(SeriesSettings(max_series=6), RankSettings(), resolve({}))
    pipeline.observe(story(), "ring")
    pipeline.observe([Sample("llama-pretrain", "1", "one_too_many", "", START, 1, 1.0)], "ring")
    pipeline.advance(START + 402)
    sources = (
        SourceView("ring", "ring", True, "", 0.001, START + 402, 2395, {}),
        SourceView("statsd", "statsd", False, "port in use", 0.01, None, 0, {"malformed": 3}),
    )
    journal = JournalView(
        written=7,
        pending=1,
        dropped={"queue_full": 2},
        failures=3,
        pruned=4,
        incidents=5,
        size_bytes=98_304,
        error="full",
    )
    snapshot = msgspec.structs.replace(pipeline.snapshot(START + 402, sources, ready=True), journal=journal)
    status = ReloadStatus(successful=True, last_success=START)
    text = metrics_page(snapshot, status, negotiate(""), False, LogOnce(logging.getLogger(__name__))).decode()
    return "".join(line for line in text.splitlines(keepends=True) if not is_varying(line))


def is_varying(line):
    name = line.split()[2] if line.startswith("#") else line
    return name.startswith(VARYING)


def content(text):
    """Families with HELP and type, and samples to nine digits: the last ones differ between mathematical libraries."""
    return [
        (
            family.name,
            family.type,
            family.documentation,
            [(one.name, one.labels, f"{one.value:.9g}") for one in family.samples],
        )
        for family in text_string_to_metric_families(text)
    ]


def test_the_page_is_the_golden_one():
    """Names, HELP, types, labels and values are those of the kept file."""
    if os.environ.get("RUNVITALS_UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(page())
    assert content(page()) == content(GOLDEN.read_text())


def test_promtool_is_content_with_the_golden_page():
    """`promtool check metrics` has nothing to say about it."""
    command = [find_program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=GOLDEN.read_bytes(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
