"""`runvitals drill`: sends an alert that is marked as a drill the way of a real one, and says whom it reaches.

Exit codes: 0 somebody is told; 1 Alertmanager could not be asked; 3 nobody is told.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import msgspec

from runvitals.catalogue import faults
from runvitals.cli.drill.alert import drill_alert
from runvitals.cli.drill.answer import Answer, ask, send
from runvitals.config import ConfigError, load
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings

NOBODY = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--alertmanager", metavar="URL", help="where it is posted (default: those of the config)")
    parser.add_argument(
        "--config.file", dest="config_file", type=Path, metavar="FILE", help="whose alertmanager section is used"
    )
    parser.add_argument(
        "--fault",
        choices=sorted(faults.BY_NAME),
        default=faults.GRADIENT_EXPLOSION.name,
        metavar="FAULT",
        help="the fault it pretends (default gradient_explosion); its severity decides who is told",
    )
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME=VALUE", help="one more label, such as team=vision"
    )


def main(arguments: argparse.Namespace) -> int:
    """Send the alert to each Alertmanager, and print what each makes of it."""
    config = load(arguments.config_file)
    settings = _settings(config.alertmanager, arguments.alertmanager)
    fault, labels = faults.BY_NAME[arguments.fault], _labels(arguments.label)
    alert = drill_alert(fault, settings, config.web.runbook_url, labels, time.time())
    print(f"{alert.labels['alertname']} ({alert.labels['severity']}) of the run {alert.labels['run']}")
    answers = []
    for url in settings.urls:
        send(url, settings, alert)
        answers.append(ask(url, settings, alert))
        _print(url, answers[-1])
    return 0 if any(one.is_told for one in answers) else NOBODY


def _settings(settings: AlertmanagerSettings, url: str | None) -> AlertmanagerSettings:
    if url:
        try:
            return msgspec.structs.replace(settings, urls=(url,))
        except ValueError as error:
            raise ConfigError("--alertmanager", "", str(error)) from error
    if not settings.urls:
        raise ConfigError("--alertmanager", "", "give the URL of an Alertmanager, or a config that has one")
    return settings


def _labels(texts: list[str]) -> dict[str, str]:
    labels = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier() or not name.isascii():
            raise ConfigError("--label", "", f"{text!r} is not like team=vision")
        labels[name] = value
    return labels


def _print(url: str, answer: Answer) -> None:
    print(f"{url}: {'told' if answer.is_told else 'NOBODY IS TOLD'}")
    for receiver in answer.receivers:
        print(f"  receiver {receiver.name}: {', '.join(receiver.ways) or 'tells nobody'}")
    for reason in answer.reasons:
        print(f"  {reason}")
