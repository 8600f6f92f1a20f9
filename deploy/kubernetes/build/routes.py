"""alertmanager.yml as an AlertmanagerConfig of the Prometheus operator (v1alpha1)."""

from __future__ import annotations

from typing import Any

import yaml

from deploy.kubernetes.build.matchers import matcher
from deploy.kubernetes.build.receivers import DoesNotCarryOverError, Settings, receiver, renamed

__all__ = ["OURS", "DoesNotCarryOverError", "alertmanager_config"]

OURS = 'alertname=~"Runvitals.*"'
"""What the first route takes: the operator hangs it under the routes of others, whose alerts are not ours to tell."""

_ROUTE = {
    "receiver": "receiver",
    "matchers": "matchers",
    "group_by": "groupBy",
    "group_wait": "groupWait",
    "group_interval": "groupInterval",
    "repeat_interval": "repeatInterval",
    "mute_time_intervals": "muteTimeIntervals",
    "active_time_intervals": "activeTimeIntervals",
    "continue": "continue",
    "routes": "routes",
}
_INHIBITION = {"source_matchers": "sourceMatch", "target_matchers": "targetMatch", "equal": "equal"}
_TOP = {"global", "templates", "route", "time_intervals", "inhibit_rules", "receivers"}


def alertmanager_config(text: str) -> dict[str, Any]:
    """Return the `spec` for the text of an alertmanager.yml. Raises DoesNotCarryOverError; `templates` stay behind."""
    given = yaml.safe_load(text)
    for key in given.keys() - _TOP:
        raise DoesNotCarryOverError(f"`{key}` has no place in an AlertmanagerConfig; leave it out")
    root = {**given["route"], "matchers": [OURS, *given["route"].get("matchers", [])]}
    return {
        "route": _route(root),
        "inhibitRules": [_inhibition(rule) for rule in given.get("inhibit_rules", [])],
        "muteTimeIntervals": [_intervals(one) for one in given.get("time_intervals", [])],
        "receivers": [receiver(one, given.get("global", {})) for one in given["receivers"]],
    }


def _route(given: Settings) -> Settings:
    found = _matched(renamed("route", given, _ROUTE))
    if "routes" in found:
        found["routes"] = [_route(one) for one in found["routes"]]
    return found


def _inhibition(given: Settings) -> Settings:
    return _matched(renamed("inhibit_rules", given, _INHIBITION))


def _matched(given: Settings) -> Settings:
    lists = ("matchers", "sourceMatch", "targetMatch")
    return {key: [matcher(one) for one in value] if key in lists else value for key, value in given.items()}


def _intervals(given: Settings) -> Settings:
    return {"name": given["name"], "timeIntervals": [_interval(given["name"], one) for one in given["time_intervals"]]}


def _interval(name: str, given: Settings) -> Settings:
    if given.get("location", "UTC") != "UTC":
        raise DoesNotCarryOverError(
            f"time interval {name!r}: an AlertmanagerConfig has no time zone; give the times in UTC instead of "
            f"{given['location']}"
        )
    times = renamed(f"time interval {name!r}", {"times": given["times"]}, {"times": "times"})["times"]
    return {"times": [renamed(name, one, {"start_time": "startTime", "end_time": "endTime"}) for one in times]}
