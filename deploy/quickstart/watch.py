"""Looks at every station in turn, tells what is new, and remembers when the news of each run reached it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from . import fetch, stations
from .addresses import Addresses, url
from .narration import Narration, in_words
from .stations import Fault, Json

SECONDS_BETWEEN_VITALS = 1.0
LINES_OF_RESOLVED = 3


class Watch:
    """Tells what is new at each station.

    `reached` maps (run, station) to the Unix time at which news of the run was first seen there; the stations are
    `bad step`, `finding`, `closed`, `scrape`, `alert`, `Alertmanager`, `e-mail`, `SMS` and `resolved`.
    """

    def __init__(self, addresses: Addresses, inbox: Path, narration: Narration, *, with_alerting: bool) -> None:
        self._addresses = addresses
        self._inbox = inbox
        self._narration = narration
        self._with_alerting = with_alerting
        self._next_vitals = 0.0
        self._told: set[tuple[str, ...]] = set()
        self._faults: dict[str, set[Fault]] = {"scrape": set(), "alert": set(), "Alertmanager": set()}
        self._messages = 0
        self.reached: dict[tuple[str, str], float] = {}

    def look(self, run: str | None = None) -> None:
        """Tell what is new since the last look, and now and then the vitals of `run`."""
        self._ask(self._look_at_findings)
        self._look_at_messages()  # after the findings, by which it knows the runs
        if self._with_alerting:
            prometheus, alertmanager = url(self._addresses.prometheus), url(self._addresses.alertmanager)
            self._ask(lambda: self._compare("scrape", stations.scraped_faults(prometheus)))
            self._ask(lambda: self._compare("alert", stations.firing_alerts(prometheus)))
            self._ask(lambda: self._compare("Alertmanager", stations.received_alerts(alertmanager)))
        if run is not None and time.monotonic() >= self._next_vitals:
            self._next_vitals = time.monotonic() + SECONDS_BETWEEN_VITALS
            self._ask(lambda: self._tell_vitals(run))

    @staticmethod
    def _ask(look: Callable[[], None]) -> None:
        try:
            look()
        except fetch.NoAnswerError:
            return  # a program that has ended is noticed by its process; one that is slow is asked again

    def _tell_vitals(self, run: str) -> None:
        vitals = stations.vitals(url(self._addresses.sidecar), run)
        if vitals.step is not None:
            self._narration.line("training", in_words(vitals))

    def _look_at_findings(self) -> None:
        for finding in stations.findings(url(self._addresses.sidecar)):
            if self._is_new(finding["id"], "opened"):
                self._tell_opened(finding)
            if finding["closed_time"] is not None and self._is_new(finding["id"], "closed"):
                self._tell_closed(finding)

    def _is_new(self, *key: str) -> bool:
        is_new = key not in self._told
        self._told.add(key)
        return is_new

    def _tell_opened(self, finding: Json) -> None:
        sentence = finding["evidence"][0]["sentence"] if finding["evidence"] else ""
        self._reach(finding["run"], "bad step", float(finding["opened_time"]))
        self._reach(finding["run"], "finding")
        self._narration.line(
            "FINDING", f"{_fault_of(finding)}, since step {finding['opened_step']} ({finding['severity']})"
        )
        self._narration.quote(f"{sentence}\nFirst: {finding['first_action']}")

    def _tell_closed(self, finding: Json) -> None:
        self._reach(finding["run"], "closed")
        self._narration.line("finding", f"closed: {_fault_of(finding)} ({finding['closed_reason']})")

    def _compare(self, station: str, now: set[Fault]) -> None:
        before = self._faults[station]
        self._faults[station] = now
        for fault in sorted(now - before):
            self._reach(fault.run, station)
            self._narration.line(station, f"{fault}{self._after(fault.run)}")
        for fault in sorted(before - now):
            self._narration.line(station, f"over: {fault}")

    def _look_at_messages(self) -> None:
        messages = stations.messages(self._inbox)
        for message in messages[self._messages :]:
            self._tell_message(message)
        self._messages = len(messages)

    def _tell_message(self, message: Json) -> None:
        station = "SMS" if message["kind"] == "sms" else "e-mail"
        subject = message.get("subject", "")
        is_resolved = subject.startswith("[RESOLVED]")
        text = f"{subject}\n{message['text']}"
        run = self._run_of(text)
        if run:
            self._reach(run, "resolved" if is_resolved else station, message["time"])
        after = "" if is_resolved else self._after(run, message["time"])
        self._narration.line(station.upper(), f"to {', '.join(message['to'])}{after}", message["time"])
        if is_resolved:
            self._narration.quote(text, LINES_OF_RESOLVED)
        else:
            self._narration.quote(text)

    def _run_of(self, text: str) -> str:
        """Return the run with a finding that a message names, the longest name first; the empty string if none."""
        runs = sorted({run for run, _ in self.reached}, key=len, reverse=True)
        return next((run for run in runs if run in text), "")

    def _reach(self, run: str, station: str, at: float | None = None) -> None:
        self.reached.setdefault((run, station), time.time() if at is None else at)

    def _after(self, run: str, at: float | None = None) -> str:
        bad_step = self.reached.get((run, "bad step"))
        if bad_step is None:
            return ""
        return f", {(time.time() if at is None else at) - bad_step:.1f} s after the first bad step"


def _fault_of(finding: Json) -> Fault:
    return Fault(finding["run"], finding["rank"], finding["fault"])
