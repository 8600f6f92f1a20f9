"""The journal of a real sidecar: what a kill leaves of it, and how an operator's decisions reach the run."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

import runvitals
from tests import test_serve
from tests.servers import wait_until
from tests.test_serve import runs, sidecar  # noqa: F401  # a fixture

pytestmark = pytest.mark.slow

CONFIG = test_serve.CONFIG + "faults: {bad_batch: {enabled: false}, not_learning: {enabled: false}}\n"
"""One fault at a time is followed here; a loss that repeats itself learns nothing, and a short NaN is a bad batch."""

NAN = float("nan")
ROUNDS = 12


def incidents(tmp_path, *arguments, code=0):
    """Run `runvitals incidents` on the sidecar's folder, as another process."""
    command = [sys.executable, "-m", "runvitals", "incidents", *arguments, "--state-dir", str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ))
    assert done.returncode == code, done.stderr
    return done.stdout


def exported(tmp_path):
    return json.loads(incidents(tmp_path, "export"))


def closed_by(side, identity):
    finding = next((one for one in side.all_findings() if one["id"] == identity), None)
    return finding and finding["closed_reason"]


def log(run, values, first_step):
    for step, value in enumerate(values, first_step):
        run.log(step=step, loss=value)


def test_a_killed_sidecar_writes_each_incident_once_and_loses_none_it_wrote(tmp_path, runs):  # noqa: F811
    """SIGKILL at any moment, again and again: one row and one opening an incident, and none goes missing."""
    chance, config = random.Random(7), CONFIG + "state: {interval: 1.0}\n"
    step, expected, seen = 0, 0, set()
    with runvitals.watch("my-run", rank=0) as run:
        for round_ in range(ROUNDS):
            with sidecar(tmp_path, config, name=f"round{round_}") as side:
                log(run, [1.0 + 0.01 * (number % 7) for number in range(40)], step)
                log(run, [NAN], step + 40)
                log(run, [1.0 + 0.01 * (number % 7) for number in range(20)], step + 41)
                step, expected = step + 61, expected + 1
                wait_until(lambda side=side: side.all_findings(), "the page")
                time.sleep(chance.uniform(0.0, 1.5))
                side.process.send_signal(signal.SIGKILL)
                side.process.wait()
            written = (
                {one["id"] for one in exported(tmp_path)} if (tmp_path / "state/incidents.sqlite").exists() else set()
            )
            assert seen <= written
            seen = written
        with sidecar(tmp_path, config, name="last"):
            wait_until(lambda: len(exported(tmp_path)) >= expected, "every incident")
        found = exported(tmp_path)
    assert len(found) == expected
    for one in found:
        assert [entry["kind"] for entry in one["history"]] == ["opened", "closed"]
        assert (one["fault"], one["closed_reason"]) == ("nonfinite_loss", "recovered")
        assert one["opened_step"] in {sample["step"] for sample in one["onset"]}


def test_an_open_incident_goes_on_after_a_restart(tmp_path, runs):  # noqa: F811
    """It is neither closed nor opened a second time by the restart, and closes when it recovers."""
    with runvitals.watch("my-run", rank=0) as run:
        with sidecar(tmp_path, name="first") as side:
            log(run, [*[1.0] * 20, NAN], 0)
            wait_until(lambda: [one["id"] for one in side.all_findings()], "the finding")
            side.process.terminate()
            assert side.process.wait(timeout=60) == 0
        [before] = exported(tmp_path)
        assert before["closed_time"] is None
        with sidecar(tmp_path, name="second"):
            log(run, [1.0 + 0.01 * number for number in range(20)], 21)
            wait_until(lambda: exported(tmp_path)[0]["closed_reason"] == "recovered", "the closing")
        [after] = exported(tmp_path)
    assert (after["id"], after["config"]) == (before["id"], before["config"])
    assert [entry["kind"] for entry in after["history"]] == ["opened", "closed"]


def test_an_operator_decides_beside_a_running_sidecar(tmp_path, runs):  # noqa: F811
    """Resolve and false alarm reach the page; the bar is shown, survives a kill, and is taken back."""
    spike = [1.0 + 0.01 * (number % 7) for number in range(100)] + [9.0]
    with runvitals.watch("my-run", rank=0) as run:
        with sidecar(tmp_path, CONFIG + "state: {interval: 1.0}\n", name="first") as side:
            log(run, [*spike, NAN], 0)
            found = wait_until(lambda: side.findings() if len(side.findings()) == 2 else None, "two findings")
            nan, alarm = found["nonfinite_loss"]["id"], found["loss_spike"]["id"]
            incidents(tmp_path, "false-alarm", alarm[:8])  # before the other: what it explains is resolved with it
            [bar] = wait_until(lambda: side.findings()["loss_spike"]["bars"], "the bar")
            begun = time.monotonic()
            incidents(tmp_path, "resolve", nan)
            wait_until(lambda: closed_by(side, nan) == "resolved by an operator", "the closing")
            print(f"resolved on the page {time.monotonic() - begun:.2f} s after the command began")
            assert (bar["incident"], bar["signal"]) == (alarm, "loss")
            assert side.value(r'runvitals_fault_active\{.*fault="loss_spike"') is not None
            time.sleep(2.5)  # until the state is saved: before, the decision would only be read again
            side.process.send_signal(signal.SIGKILL)
            side.process.wait()
        with sidecar(tmp_path, CONFIG, name="second") as side:
            wait_until(side.all_findings, "the findings")
            assert side.findings()["loss_spike"]["bars"] == [bar]
            log(run, [1.0] * 20 + [9.0] + [1.0] * 20, 102)
            pattern = r'runvitals_signal_samples_total\{.*signal="loss"'
            wait_until(lambda: side.value(pattern) == 143.0, "all samples")
            assert {one["id"] for one in side.all_findings()} == {nan, alarm}
            incidents(tmp_path, "false-alarm", alarm, "--undo")
            wait_until(lambda: not side.findings()["loss_spike"]["bars"], "the bar to be taken back")
            log(run, [9.0], 143)
            wait_until(lambda: len(side.all_findings()) == 3, "a new finding")
        states = {one["id"]: one["closed_reason"] for one in exported(tmp_path)}
        assert states[nan] == "resolved by an operator"
        assert states[alarm] == "called a false alarm by an operator"


def test_the_journals_health_is_on_the_page(tmp_path, runs):  # noqa: F811
    """What was written and how large it is; the source of decisions is up."""
    with sidecar(tmp_path) as side, runvitals.watch("my-run", rank=0) as run:
        log(run, [NAN], 0)
        wait_until(lambda: side.value("runvitals_journal_changes_written_total") == 1.0, "the change")
        assert side.value("runvitals_journal_up") == 1.0
        assert side.value("runvitals_journal_pending_changes") == 0.0
        assert side.value("runvitals_journal_size_bytes") > 4096.0
        assert side.value(r'runvitals_source_up\{kind="operator"') == 1.0


def test_without_a_journal_everything_else_works(tmp_path, runs):  # noqa: F811
    """Switched off, there is no file and no metric of it."""
    with sidecar(tmp_path, CONFIG + "journal: {enabled: false}\n") as side, runvitals.watch("my-run", rank=0) as run:
        log(run, [NAN], 0)
        wait_until(side.findings, "the finding")
        assert side.value("runvitals_journal_up") is None
    assert not (tmp_path / "state" / "incidents.sqlite").exists()
