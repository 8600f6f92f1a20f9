"""From a training process to a mailbox and a telephone, with the real program at every station.

Training (numpy, a process of its own) → ring → `runvitals serve` → Prometheus with the shipped rules → Alertmanager
with the shipped routes → an SMTP server and an SNS server. Only addresses and intervals are the quickstart's.
"""

import signal
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from deploy.quickstart.addresses import Addresses
from deploy.quickstart.bundle_copies import write_alertmanager, write_prometheus
from runvitals.catalogue import faults
from runvitals.sources.ring import read_ring
from runvitals.values import Sample
from tests.programs import ROOT
from tests.servers import (
    PATIENCE,
    running_alertmanager,
    running_mail_server,
    running_prometheus,
    running_sns_server,
    wait_until,
)
from tests.test_serve import CONFIG, sidecar

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 60.0  # from the finding to the e-mail; 15 is what the quickstart's settings are for
AIM_SECONDS = 15.0
QUICK = "ranks: {hold_seconds: 5}\n"  # as the quickstart, which scrapes every second


class Stations:
    """Everything between a training process and a person."""

    def __init__(self, side, prometheus, alertmanager, mailbox, phone):
        self.side, self.prometheus, self.alertmanager = side, prometheus, alertmanager
        self.mailbox, self.phone = mailbox, phone

    def finding(self, run, fault):
        found = [one for one in self.side.all_findings() if (one["run"], one["fault"]) == (run, fault)]
        return found[0] if found else None

    def steps(self, run):
        return self.side.value(rf'runvitals_run_step\{{.*run="{run}"') or 0.0

    def scraped(self, run, fault):
        query = f'runvitals_fault_active{{run="{run}", fault="{fault}"}} == 1'
        return self.prometheus.get("/api/v1/query", query=query)["data"]["result"]

    def alerted(self, run, fault):
        alerts = self.alertmanager.get("/api/v2/alerts")
        return [one for one in alerts if (one["labels"].get("run"), one["labels"].get("fault")) == (run, fault)]

    def mailed(self, run, words):
        return [mail for mail in list(self.mailbox.mails) if run in mail.subject and words in mail.subject]

    def texted(self, run, words):
        return [sms for sms in self.phone.messages() if run in sms.text and words in sms.text]

    def watch(self, run, fault):
        """Wait for the fault at every station; return when each was first reached."""
        words = fault.replace("_", " ")
        stations = {
            "finding": lambda: self.finding(run, fault),
            "scrape": lambda: self.scraped(run, fault),
            "alert": lambda: self.alerted(run, fault),
            "e-mail": lambda: self.mailed(run, words),
            "SMS": lambda: self.texted(run, words),
        }
        reached = {}
        deadline = time.monotonic() + PATIENCE
        while len(reached) < len(stations):
            assert time.monotonic() < deadline, f"{run}: {fault} reached {sorted(reached)} only"
            for name, is_reached in stations.items():
                if name not in reached and is_reached():
                    reached[name] = time.time()
            time.sleep(0.1)
        reached["e-mail"] = self.mailed(run, words)[0].time
        return reached


@pytest.fixture(scope="module")
def stations(tmp_path_factory):
    folder = tmp_path_factory.mktemp("e2e")
    (folder / "runs").mkdir()
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mail_server())
        phone = stack.enter_context(running_sns_server())
        side = stack.enter_context(sidecar(folder, CONFIG + QUICK))
        addresses = Addresses(smtp=mailbox.port, sns=phone.port, sidecar=int(side.url.rpartition(":")[2]))
        config = write_alertmanager(ROOT, folder / "alertmanager", addresses)
        alertmanager = stack.enter_context(running_alertmanager(config, folder))
        config = write_prometheus(
            ROOT, folder / "prometheus-config", addresses._replace(alertmanager=alertmanager.port)
        )
        prometheus = stack.enter_context(running_prometheus(config, folder))
        yield Stations(side, prometheus, alertmanager, mailbox, phone), folder / "runs"


@contextmanager
def training(runs, run, *arguments):
    """A real training in a process of its own; killed at the end of the block if it still lives."""
    command = [sys.executable, "-m", "runvitals", "demo", "--run", run, "--rank", "5", *arguments]
    environment = {"RUNVITALS_RUNS_DIR": str(runs), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def samples_of(runs, run):
    """What the training itself wrote, read from its ring without the sidecar."""
    [ring] = [path for path in runs.glob("*.ring") if path.name.startswith(run)]
    return [item for item in read_ring(ring) if isinstance(item, Sample)]


def first_bad_step(samples):
    """Step and time at which the gradient norm first exceeds ten times its median of the first hundred steps."""
    norms = [sample for sample in samples if sample.signal == "grad_norm"]
    usual = statistics.median(sample.value for sample in norms[:100])
    return next(sample for sample in norms if not sample.value <= 10.0 * usual)


def report(capsys, title, begin, finding, reached):
    """Print the seconds to each station, also where output is captured; fail if the e-mail took too long."""
    waited = reached["e-mail"] - finding["opened_time"]
    with capsys.disabled():
        print(f"\n{title}: seconds from the first bad step")
        for name, when in reached.items():
            print(f"  {name:<8} {when - begin:6.1f}")
        print(f"  the e-mail followed the finding by {waited:.1f} s (aim {AIM_SECONDS:.0f} s)")
    assert waited < LIMIT_SECONDS


def test_a_run_that_explodes_reaches_mailbox_and_telephone_and_its_repair_too(stations, capsys):
    """The messages name run, rank, fault and step; once the run is stopped and repaired, the all-clear arrives."""
    all_stations, runs = stations
    run = "exploding-run"
    with training(runs, run, "--step-seconds", "0.03", "--explode-after", "150") as process:
        reached = all_stations.watch(run, "gradient_explosion")
        finding = all_stations.finding(run, "gradient_explosion")
        bad = first_bad_step(samples_of(runs, run))
        report(capsys, "gradient_explosion", bad.time, finding, reached)
        step = finding["opened_step"]
        assert step <= bad.step + 3
        [mail, *_] = all_stations.mailed(run, "gradient explosion")
        for words in (run, "rank 5", f"step {step}", "critical"):
            assert words.lower() in mail.subject.lower()
        for part in (mail.text, mail.html):
            assert "times its median" in part or "gradient norm" in part.lower()
            assert faults.GRADIENT_EXPLOSION.first_action in part  # a rule knows the catalogue's action alone
        assert "learning rate was raised" in finding["first_action"]  # which is how the demo makes it explode
        [sms, *_] = all_stations.texted(run, "gradient explosion")
        assert f"run {run} rank 5, step {step}" in sms.text
        assert sms.text.isascii()
        assert len(sms.text) <= 160
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    with training(runs, run, "--step-seconds", "0.03", "--healthy"):
        wait_until(lambda: all_stations.mailed(run, "RESOLVED"), "the all-clear", 180.0)
        wait_until(lambda: all_stations.steps(run) > 200.0, "repaired steps")
        still_open = [
            one for one in all_stations.side.findings().values() if one["run"] == run and not one["closed_time"]
        ]
        assert not still_open


def test_a_process_that_is_killed_reaches_mailbox_and_telephone(stations, capsys):
    """`kill -9` of the training: `run_crashed` with the last step it made; a restart clears it."""
    all_stations, runs = stations
    run = "killed-run"
    with training(runs, run, "--step-seconds", "0.03", "--healthy") as process:
        wait_until(lambda: all_stations.steps(run) > 50.0, "steps")
        process.send_signal(signal.SIGKILL)
        killed = time.time()
        reached = all_stations.watch(run, "run_crashed")
    finding = all_stations.finding(run, "run_crashed")
    report(capsys, "run_crashed", killed, finding, reached)
    last_step = max(sample.step for sample in samples_of(runs, run))
    assert finding["opened_step"] == last_step
    [mail, *_] = all_stations.mailed(run, "run crashed")
    assert f"step {last_step}" in mail.subject
    assert f"step {last_step}" in all_stations.texted(run, "run crashed")[0].text
    with training(runs, run, "--step-seconds", "0.03", "--healthy"):
        wait_until(lambda: all_stations.mailed(run, "RESOLVED"), "the all-clear", 180.0)


def test_what_is_healthy_is_silent(stations):
    """A healthy run beside the others: it has no finding, and no message names it."""
    all_stations, runs = stations
    with training(runs, "healthy-run", "--step-seconds", "0.02", "--healthy"):
        wait_until(lambda: all_stations.steps("healthy-run") > 400.0, "steps")
        assert not [one for one in all_stations.side.all_findings() if one["run"] == "healthy-run"]
    assert not all_stations.mailed("healthy-run", "")
    assert not all_stations.texted("healthy-run", "")
