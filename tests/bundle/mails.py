"""What the templates make of a message, by amtool: quicker than an Alertmanager, and with its own functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from runvitals.catalogue import faults
from runvitals.catalogue.alerts import alert_name, dashboard_url
from tests.bundle.shipped import ALERTMANAGER, ALERTS, run_program

HOSTILE = (
    "é'\"`{{ .X }}</td></style><script>document.title='owned'</script>\r\nBcc: thief@example.com\u202e 名前\\"
    + "x" * 500
)


def alert(run: str = "llama-pretrain", rank: str = "3", *, resolved: bool = False, **labels: str) -> dict[str, Any]:
    """Return an alert as a template sees it."""
    fault = faults.GRADIENT_EXPLOSION
    shipped = ALERTS[alert_name(fault.name)]["annotations"]
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {
            "alertname": alert_name(fault.name),
            "run": run,
            "rank": rank,
            "fault": fault.name,
            "category": fault.category,
            "severity": "critical",
            **labels,
        },
        "annotations": {
            "summary": shipped["summary"],
            "description": (
                f"{shipped['summary']} Rank {rank} of run {run}, since step 4117 (87.5% sure). The gradient norm "
                f"was 41.3; 0.8 to 1.4 was expected. First: {fault.first_action}"
            ),
            "action": fault.first_action,
            "step": "4117",
            "opened": "2026-05-04 19:03:07.25 +0000 UTC",
            "confidence": "87.5%",
            "runbook_url": shipped["runbook_url"],
            "dashboard_url": dashboard_url(fault.name, quote_plus(run), quote_plus(rank)),
        },
        "startsAt": "2026-05-04T19:03:09Z",
        "endsAt": "2026-05-04T19:41:30Z" if resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "https://prometheus.example.com/graph?g0.expr=x",
    }


def message(*alerts: dict[str, Any]) -> dict[str, Any]:
    """Return the message on these alerts as a template sees it."""
    common = set.intersection(*(set(one["labels"].items()) for one in alerts))
    is_firing = any(one["status"] == "firing" for one in alerts)
    return {
        "receiver": "email",
        "status": "firing" if is_firing else "resolved",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": dict(common),
        "commonAnnotations": {},
        "externalURL": "https://alerts.example.com/",
    }


def rendered(template: str, data: dict[str, Any], folder: Path, kind: str = "html") -> str:
    """Return what a template makes of a message; `kind` is html or text."""
    file = folder / "message.json"
    file.write_text(json.dumps(data))
    return run_program(
        *("amtool", "template", "render", f"--template.glob={ALERTMANAGER / 'templates'}/*.tmpl"),
        *(f'--template.text={{{{ template "{template}" . }}}}', f"--template.data={file}", f"--template.type={kind}"),
    )
