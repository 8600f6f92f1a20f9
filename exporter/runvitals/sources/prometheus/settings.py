"""What a config says of a server whose `/metrics` is scraped."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from runvitals.settings import Settings

MetricType = Literal["gauge", "counter", "histogram", "summary"]
Combine = Literal["sum", "max", "mean"]

FACTORS = {
    "1": 1.0,
    "ratio": 1.0,
    "percent": 0.01,
    "seconds": 1.0,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
    "nanoseconds": 1e-9,
    "bytes": 1.0,
    "kibibytes": 1024.0,
    "mebibytes": 1024.0**2,
    "gibibytes": 1024.0**3,
}
"""What a number in a unit is multiplied with to be in the base unit."""

_BOUNDS: dict[str, tuple[float, float]] = {
    "interval": (0.1, 300.0),
    "timeout": (0.1, 60.0),
    "max_bytes": (1024, 2**30),
    "max_series": (1, 1_000_000),
    "max_models": (1, 10_000),
    "max_layers": (1, 10_000),
}


class MetricSettings(Settings, frozen=True, kw_only=True):
    """A metric of a server that is not known, or one more of a server that is.

    `match` is a regular expression for the whole name, without the `_bucket`, `_sum` and `_count` of a histogram or
    summary, and `labels` one for each label that matters. The signal is called `signal` (default: as the metric); a
    counter becomes its rate per second, a histogram or summary its mean, p50 and p99 in the interval. Each value of the
    label `layer` is a layer of its own. Of several series of a gauge the sum is taken, of times, ratios and percentages
    the mean, or what `combine` says. Where several metrics are one signal, the first on the page counts.
    """

    match: str
    type: MetricType
    unit: str = "1"
    signal: str = ""
    labels: dict[str, str] = {}
    layer: str = ""
    combine: Combine | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if self.unit not in FACTORS:
            raise ValueError(f"unit is {self.unit!r}; it must be one of {', '.join(FACTORS)}")
        for pattern in (self.match, *self.labels.values()):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


class BasicAuthSettings(Settings, frozen=True, kw_only=True):
    """User name and password; `password_file` is read at each poll."""

    username: str
    password: str = ""
    password_file: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if self.password and self.password_file:
            raise ValueError("password and password_file are both given; remove one")


class TlsSettings(Settings, frozen=True, kw_only=True):
    """How the server proves who it is, and how the sidecar does. Files are PEM, and read at each poll.

    `ca_file` replaces the system's authorities; `server_name` is what the certificate is for, if not the URL's host.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        if self.key_file and not self.cert_file:
            raise ValueError("key_file is given without cert_file; add the certificate")


class PrometheusSettings(Settings, frozen=True, kw_only=True, tag_field="kind", tag="prometheus"):
    """Which page, how often, whose it is, and the bounds.

    Without `run`, each model on the page is a run, and what belongs to no model is the run of the only model, else of
    the URL's host and port. With it, the page is one run, summed over its models. `rank` is the replica: by default
    `$RUNVITALS_RANK` or this host's name where the URL is on this machine, else the URL's host. Two replicas of one
    model on one host need a `rank` each.

    `metrics` are picked beside what is known of the server. A poll ends after `timeout` seconds, whatever the server
    does, and reads at most `max_bytes` (after decompression) with `max_series` series of the metrics it wants.
    """

    url: str
    name: str = ""
    interval: float = 5.0
    timeout: float = 5.0
    run: str = ""
    rank: str | None = None
    bearer_token: str = ""
    bearer_token_file: str = ""
    basic_auth: BasicAuthSettings | None = None
    tls: TlsSettings = TlsSettings()
    metrics: tuple[MetricSettings, ...] = ()
    max_bytes: int = 16 * 1024 * 1024
    max_series: int = 20_000
    max_models: int = 64
    max_layers: int = 64

    def __post_init__(self) -> None:
        """Raise ValueError, with the remedy, for what the types cannot say."""
        split_url(self.url)
        for name, (smallest, largest) in _BOUNDS.items():
            if not smallest <= getattr(self, name) <= largest:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be between {smallest} and {largest}")
        if self.rank == "":
            raise ValueError("rank must not be empty; leave it out for the default")
        if sum(map(bool, (self.bearer_token, self.bearer_token_file, self.basic_auth))) > 1:
            raise ValueError("give one of bearer_token, bearer_token_file and basic_auth")


def split_url(url: str, example: str = "http://localhost:8000/metrics") -> SplitResult:
    """Return the parts of a URL that can be asked. Raises ValueError with the remedy; it does not repeat the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"url cannot be read: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"url must be like {example}")
    if "@" in parts.netloc:
        raise ValueError("url holds a user name or password; put them into basic_auth")
    if any(ord(character) <= 32 or ord(character) >= 127 for character in url):
        raise ValueError("url holds a space or a character that must be written as %XX")
    return parts
