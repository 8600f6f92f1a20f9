"""What an Alertmanager makes of an alert: its own word on routes, silences and inhibitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
import yaml

from runvitals.cli.errors import CannotRunError
from runvitals.sinks.alertmanager.alert import Alert
from runvitals.sinks.alertmanager.http_post import PATH, RefusedError, post, target_of
from runvitals.sinks.alertmanager.outbox import Posting
from runvitals.sinks.alertmanager.settings import AlertmanagerSettings
from runvitals.sources.prometheus.http_get import BadAnswerError, NoAnswerError, get

MAX_BYTES = 16 * 1024 * 1024
_MAX_CONFIG = 1024 * 1024
_SUFFIX = "_configs"


class Receiver(NamedTuple):
    """A receiver by name, and the ways by which it tells: `email`, `sns`, `webhook` …; none tells nobody."""

    name: str
    ways: tuple[str, ...]


class Answer(NamedTuple):
    """Who gets the alert, and what is in the way of it."""

    receivers: tuple[Receiver, ...]
    is_suppressed: bool
    reasons: tuple[str, ...]

    @property
    def is_told(self) -> bool:
        """True where somebody gets it."""
        return not self.is_suppressed and any(one.ways for one in self.receivers)


def send(url: str, settings: AlertmanagerSettings, alert: Alert) -> None:
    """Post the alert, which ends after Alertmanager's `resolve_timeout`. Raises CannotRunError with the reason."""
    try:
        post(target_of(url, settings), [Posting(alert.key, alert, None).payload], settings.timeout)
    except (NoAnswerError, BadAnswerError, RefusedError, OSError, ValueError) as error:
        raise CannotRunError(f"{url}: {error}") from error


def ask(url: str, settings: AlertmanagerSettings, alert: Alert) -> Answer:
    """Return what becomes of an alert that was posted. Raises CannotRunError with the reason."""
    wanted = urlencode({"filter": f'run="{alert.labels["run"]}"'})
    try:
        found = [one for one in _get(url, settings, f"{PATH}?{wanted}") if one["labels"] == alert.labels]
        if not found:
            raise CannotRunError(f"{url}: the alert was taken, and is not there: has Alertmanager been restarted?")
        return _answer(found[0], _config(_get(url, settings, "/api/v2/status")["config"]["original"]))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise CannotRunError(f"{url}: what answers there is no Alertmanager") from error


def _config(text: str) -> Mapping[str, Any]:
    """Return Alertmanager's config. Raises ValueError for one that is none."""
    if len(text) > _MAX_CONFIG or not isinstance(config := yaml.safe_load(text), dict):
        raise ValueError("no config")
    return config


def _answer(alert: Mapping[str, Any], config: Mapping[str, Any]) -> Answer:
    ways = {one["name"]: _ways(one) for one in config.get("receivers") or ()}
    receivers = tuple(Receiver(one["name"], ways.get(one["name"], ())) for one in alert["receivers"])
    status = alert["status"]
    return Answer(receivers, status["state"] == "suppressed", (*_in_the_way(status), *_hours(config)))


def _ways(receiver: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key.removesuffix(_SUFFIX) for key in receiver if key.endswith(_SUFFIX) and receiver[key])


def _in_the_way(status: Mapping[str, Any]) -> list[str]:
    silences = [f"silenced by {identity}" for identity in status["silencedBy"]]
    return silences + [f"inhibited by the alert {identity}" for identity in status["inhibitedBy"]]


def _hours(config: Mapping[str, Any]) -> list[str]:
    """Return a word of warning where routes have hours: Alertmanager does not say whether they are on."""
    routes = {id(config["route"]): config["route"]}
    waiting = [config["route"]]
    while waiting:  # an alias in YAML may lead back to where it stands
        below = {id(one): one for one in waiting.pop().get("routes") or () if id(one) not in routes}
        routes |= below
        waiting += below.values()
    names = {str(name) for one in routes.values() for key in _HOURS for name in one.get(key) or ()}
    return [f"some routes have hours ({', '.join(sorted(names))}): what they mute comes later"] if names else []


_HOURS = ("mute_time_intervals", "active_time_intervals")


def _get(url: str, settings: AlertmanagerSettings, path: str) -> Any:
    try:
        target = target_of(url, settings)
        target = target._replace(url=urlsplit(url.rstrip("/") + path))
        return msgspec.json.decode(get(target, settings.timeout, MAX_BYTES).body)
    except (NoAnswerError, BadAnswerError, OSError, ValueError) as error:
        raise CannotRunError(f"{url}: {error}") from error
