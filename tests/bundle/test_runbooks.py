"""The runbooks are checked against the alerts, in both directions."""

from __future__ import annotations

import re
import shlex

import pytest

from runvitals.catalogue import metrics
from tests.bundle.shipped import ALERTS, RUNBOOKS, metric_names

PARTS = ["Means", "Looks like", "Why", "Confirm", "First action", "False alarm", "Silence"]
TEXT = RUNBOOKS.read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in TEXT.split("\n## ")[1:]}


def commands(part: str) -> list[list[str]]:
    """Return the shell commands of a part, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def parts_of(name: str) -> dict[str, str]:
    """Return the named parts of an alert's section."""
    words = re.split(r"^\*\*([A-Z][a-z ]+)\.\*\*", SECTIONS[name], flags=re.MULTILINE)
    return dict(zip(words[1::2], words[2::2], strict=True))


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """The sections are the alerts, in the same order."""
    assert list(SECTIONS) == list(ALERTS)


@pytest.mark.parametrize("name", list(ALERTS))
def test_a_runbook_is_whole(name: str) -> None:
    """A section has all its parts, is found under the alert's name, and gives two commands to confirm."""
    parts = parts_of(name)
    assert list(parts) == PARTS
    assert all(text.strip() for text in parts.values())
    assert f'<a id="{name}"></a>' in SECTIONS[name]
    assert len(commands(parts["Confirm"])) == 2


@pytest.mark.parametrize("name", list(ALERTS))
def test_the_first_action_is_the_alerts(name: str) -> None:
    """What the runbook says to do first is what the message said."""
    assert parts_of(name)["First action"].strip().startswith(ALERTS[name]["annotations"]["action"])


@pytest.mark.parametrize("name", list(ALERTS))
def test_a_silence_is_for_this_alert(name: str) -> None:
    """The command that silences an alert names it, an end and a reason."""
    (command,) = commands(parts_of(name)["Silence"])
    assert command[:3] == ["amtool", "silence", "add"]
    assert f"alertname={name}" in command
    assert any(word.startswith("--duration=") for word in command)
    assert any(word.startswith("--comment=") for word in command)


def test_runbooks_name_only_metrics_that_exist() -> None:
    """Every metric in the runbooks is one of the catalogue's."""
    assert metric_names(TEXT.replace("runvitals_signal_(value|mean|robust_zscore)", "")) <= {
        metric.name for metric in metrics.ALL
    }
