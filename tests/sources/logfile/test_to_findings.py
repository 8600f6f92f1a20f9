"""From a trainer's log to findings: the whole way but for the threads."""

import json
import math

import pytest

from runvitals.cli import main
from runvitals.config import load
from runvitals.diagnosis.settings import resolve
from runvitals.pipeline.pipeline import Pipeline, RankSettings
from runvitals.series import SeriesSettings
from runvitals.sources import build_source, named_sources
from tests.sources.logfile.following import START, Watch, write
from tests.streams import healthy

MEGATRON = (
    " iteration {step:8d}/  250000 | elapsed time per iteration (ms): 4200.0 | learning rate: 2.999E-04 |{loss}"
    " loss scale: 1.0 | grad norm: {norm} | number of skipped iterations: 0 | number of nan iterations: 0 |\n"
)


def megatron(losses, first=1, norm="1.250"):
    """Return Megatron's lines; a loss that is None is left out, as Megatron does with NaN."""
    return "".join(
        MEGATRON.format(step=first + index, loss="" if loss is None else f" lm loss: {loss:.6E} |", norm=norm)
        for index, loss in enumerate(losses)
    )


class Way:
    """A watched log and the pipeline it feeds."""

    def __init__(self, path):
        self.watch = Watch(path)
        self.pipeline = Pipeline(SeriesSettings(), RankSettings(), resolve({}))

    def go(self):
        """Poll until nothing comes, and let time pass; return the open and all findings by fault and step."""
        self.pipeline.observe(self.watch.drain(), "logs")
        self.pipeline.advance(self.watch.now)
        found = list(self.pipeline.findings())
        return [(one.fault, one.opened_step) for one in found if one.is_open], [
            (one.fault, one.opened_step) for one in found
        ]

    def active(self):
        """Return the faults that the page shows as active."""
        [rank] = self.pipeline.snapshot(self.watch.now, (), ready=True).ranks
        return [labels[0] for labels, value in rank.fault_active.items() if value]


def test_a_loss_that_vanishes_from_its_line_is_a_finding(tmp_path):
    """A Megatron run whose loss becomes NaN while it counts no NaN iterations."""
    log = tmp_path / "train.log"
    write(log, megatron(healthy(100)), START)
    way = Way(log)
    assert way.go() == ([], [])
    write(log, megatron([None, None], first=101, norm="nan"), way.watch.now, "a")
    assert way.go()[0] == [("nonfinite_loss", 101)]


def test_a_spike_of_long_ago_is_no_alert_but_what_is_wrong_still_is(tmp_path):
    """At the first look, the past opens and closes what it did, at its own times; nothing of it shows as active now."""
    log = tmp_path / "train.log"
    spiked = [*healthy(150), 90.0, *healthy(100, seed=1)]
    write(log, megatron(spiked), START)
    way = Way(log)
    opened, found = way.go()
    assert (opened, found, way.active()) == ([], [("loss_spike", 151)], [])
    finding = next(iter(way.pipeline.findings()))
    assert finding.opened_time == pytest.approx(START - 100 * 4.2)
    write(log, megatron([None], first=252, norm="nan"), way.watch.now, "a")
    way.go()
    assert "nonfinite_loss" in way.active()


def test_the_baseline_is_warm_after_the_first_look(tmp_path):
    """A spike right after the start is seen, since the past was read."""
    log = tmp_path / "train.log"
    write(log, megatron(healthy(200)), START)
    way = Way(log)
    way.go()
    write(log, megatron([90.0], first=201), way.watch.now, "a")
    assert ("loss_spike", 201) in way.go()[1]


def test_replay_reads_what_the_source_reads(tmp_path, capsys):
    """A log without times, from its beginning to its last line, which has no end."""
    log = tmp_path / "llama.log"
    log.write_text("Killed\n" + megatron([*healthy(100), None], norm="1.5").rstrip("\n"))
    out = tmp_path / "findings.json"
    assert main(["replay", str(log), "--findings", str(out)]) == 0
    [finding] = json.loads(out.read_text())
    assert (finding["fault"], finding["run"], finding["opened_step"]) == ("nonfinite_loss", "llama", 101)
    assert "1 findings" in capsys.readouterr().out


def test_a_config_names_log_files(tmp_path):
    """`kind: logfile` and a path are all that is needed."""
    write(tmp_path / "a.log", megatron([2.5, math.pi]), START)
    config = tmp_path / "runvitals.yml"
    config.write_text(f"sources:\n  - {{kind: logfile, path: {tmp_path}/*.log}}\n")
    [(name, settings)] = named_sources(load(config).sources).items()
    source = build_source(name, settings)
    assert [(one.step, one.value) for one in source.poll(START).items if one.signal == "loss"] == [
        (1, 2.5),
        (2, 3.141593),
    ]
    source.close()


def test_a_replayed_run_goes_on_after_the_line_of_an_end(tmp_path, capsys):
    """A log may hold a training after another; what is open stays open."""
    log = tmp_path / "train.log"
    log.write_text(megatron([*healthy(100), None], norm="nan") + "[after training is done] datetime: now\n")
    assert main(["replay", str(log)]) == 0
    assert "nonfinite_loss (critical) on train rank 0: step 101, 100.000 s from the beginning, still open" in (
        capsys.readouterr().out
    )
