"""What a config says of the Alertmanagers to which findings are posted."""

from __future__ import annotations

import re

from runvitals.catalogue import alerts
from runvitals.settings import Settings
from runvitals.sources.prometheus.settings import BasicAuthSettings, TlsSettings, split_url

_EXAMPLE = "http://localhost:9093"
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_RESERVED = frozenset({"alertname", *alerts.LABELS})
_BOUNDS: dict[str, tuple[float, float]] = {
    "timeout": (0.1, 60.0),
    "resend": (1.0, 240.0),
    "resolve_after": (0.0, 3600.0),
    "max_alerts": (1, 100_000),
}


class AlertmanagerSettings(Settings, frozen=True, kw_only=True):
    """Whom to tell, and as what. Without `urls` nothing is posted.

    `urls` are all Alertmanagers of a cluster, each like `http://localhost:9093`, never a load balancer before them.
    One incident is one alert only where its labels are those that come over Prometheus: `external_labels` are those of
    prometheus.yml, `target_labels` those of the scrape target, of which the shipped rules keep none; name in `kept`
    what rules of your own keep (say `team`).

    A finding that is open is posted again every `resend` seconds (Alertmanager forgets what it is not told for its
    `resolve_timeout`, 5 minutes by default). Its alert ends `resolve_after` seconds after it closed: Prometheus, which
    learns of it later, would otherwise raise it anew. Set it to 0 where no Prometheus sends the same alerts.

    `grafana` is the address of Grafana; without it there is no link to a dashboard.
    """

    urls: tuple[str, ...] = ()
    external_labels: dict[str, str] = {}
    target_labels: dict[str, str] = {}
    kept: tuple[str, ...] = ()
    basic_auth: BasicAuthSettings | None = None
    bearer_token_file: str = ""
    tls: TlsSettings = TlsSettings()
    timeout: float = 5.0
    resend: float = 60.0
    resolve_after: float = 120.0
    max_alerts: int = 4_096
    grafana: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        _check_urls(self.urls)
        for name in (*self.external_labels, *self.target_labels):
            if not _LABEL.fullmatch(name) or name in _RESERVED:
                raise ValueError(f"{name!r} cannot be a label here: letters, digits and _, and not one of the alert's")
        for name, (smallest, largest) in _BOUNDS.items():
            if not smallest <= getattr(self, name) <= largest:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be between {smallest} and {largest}")
        if self.bearer_token_file and self.basic_auth:
            raise ValueError("give one of bearer_token_file and basic_auth")


def _check_urls(urls: tuple[str, ...]) -> None:
    if any(split_url(url, _EXAMPLE).query for url in urls):
        raise ValueError(f"a URL of an Alertmanager has no query; give it like {_EXAMPLE}")
    if len(set(urls)) < len(urls):
        raise ValueError("urls names one Alertmanager twice; remove one")
