"""What `runvitals drill` makes of answers that no Alertmanager gives."""

from __future__ import annotations

from contextlib import suppress

import pytest

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import RUNBOOKS
from runvitals.cli.drill import answer
from runvitals.cli.drill.alert import drill_alert
from runvitals.cli.errors import CannotRunError
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings

_ACTIVE = {"state": "active", "silencedBy": [], "inhibitedBy": []}


@pytest.mark.parametrize(
    "config",
    [
        "route: &a {receiver: b, routes: [*a, *a]}",
        "route: {receiver: b, routes: [3]}",
        "receivers: [7]\nroute: {}",
        "[" * 10_000,
        "- 1",
        "x" * 2_000_000,
    ],
)
def test_a_hostile_alertmanager_neither_hangs_nor_crashes_a_drill(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes that contain themselves, and what is no config: an answer, or a sentence."""
    settings = AlertmanagerSettings(urls=("http://localhost:1",))
    alert = drill_alert(faults.GRADIENT_EXPLOSION, settings, RUNBOOKS, {}, 0.0)
    taken = {"labels": alert.labels, "receivers": [{"name": "b"}], "status": _ACTIVE}
    answers = {"alerts": [taken], "status": {"config": {"original": config}}}
    monkeypatch.setattr(
        answer, "_get", lambda _url, _settings, path: answers["status" if "status" in path else "alerts"]
    )
    with suppress(CannotRunError):
        assert not answer.ask(settings.urls[0], settings, alert).is_told
