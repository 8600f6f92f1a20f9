"""alertmanager.yml with receivers, routes and quiet hours filled in."""

from __future__ import annotations

from typing import Any

import yaml

from runvitals.bundle.alertmanager_values import AlertmanagerValues, EmailValues, QuietHoursValues, SmsValues
from runvitals.bundle.yaml_edit import REMOVED, edited

OWN_TEMPLATES = "templates/own"
"""Where a user's templates go. They are read after the shipped ones, so that one of the same name takes its place."""

Changes = dict[str, Any]
Route = dict[str, Any]


def fill_alertmanager(text: str, values: AlertmanagerValues) -> str:
    """Return alertmanager.yml for these values."""
    names = [receiver["name"] for receiver in yaml.safe_load(text)["receivers"]]
    changes: Changes = {}
    if values.email:
        changes |= _email(values.email, f"receivers[{names.index('email')}].email_configs[0]")
    if values.sms:
        changes |= _sms(values.sms, f"receivers[{names.index('sms')}].sns_configs[0]")
    if isinstance(values.quiet_hours, QuietHoursValues):
        changes |= _quiet_hours(values.quiet_hours, "time_intervals[0].time_intervals[0]")
    if values.templates:
        changes["templates"] = ["templates/*.tmpl", f"{OWN_TEMPLATES}/*.tmpl"]
    text = edited(text, changes)
    for receiver in values.receivers:
        place = names.index(receiver["name"]) if receiver["name"] in names else "+"
        text = edited(text, {f"receivers[{place}]": receiver})
    return _routed(text, values)


def _email(email: EmailValues, place: str) -> Changes:
    return {
        "global.smtp_smarthost": email.smarthost,
        "global.smtp_from": email.sender,
        "global.smtp_auth_username": email.username or REMOVED,
        "global.smtp_auth_password_file": email.password_file or REMOVED,
        "global.smtp_require_tls": email.require_tls,
        f"{place}.to": ", ".join(email.to),
    }


def _sms(sms: SmsValues, place: str) -> Changes:
    return {f"{place}.phone_number": sms.phone_number, f"{place}.sigv4.region": sms.region}


def _quiet_hours(hours: QuietHoursValues, place: str) -> Changes:
    return {f"{place}.times": hours.ranges(), f"{place}.location": hours.time_zone}


def _routed(text: str, values: AlertmanagerValues) -> str:
    for severity, receivers in (("critical", values.critical), ("warning", values.warning)):
        if receivers is not None:
            text = _with_receivers(text, severity, receivers)
    if values.quiet_hours is False:
        routes = _routes(text)
        muted = [place for place, route in enumerate(routes) if "mute_time_intervals" in route]
        text = edited(text, {f"route.routes[{place}].mute_time_intervals": REMOVED for place in muted})
    return text


def _with_receivers(text: str, severity: str, receivers: list[str]) -> str:
    """Return the text where a severity goes to these receivers; one that it went to before keeps its routes."""
    matcher = f'severity="{severity}"'
    shipped = {place: route for place, route in enumerate(_routes(text)) if matcher in route["matchers"]}
    [usual] = [route for route in shipped.values() if route["matchers"] == [matcher]]
    wanted: list[Route] = []
    for name in receivers:
        before = [route for route in shipped.values() if route["receiver"] == name]
        routes = before or [{**usual, "receiver": name}]
        wanted += [_continued(route, on=name != receivers[-1]) for route in routes]
    text = edited(text, {f"route.routes[{place}]": REMOVED for place in sorted(shipped, reverse=True)})
    for route in wanted:
        text = edited(text, {"route.routes[+]": route})
    return text


def _continued(route: Route, *, on: bool) -> Route:
    """Return the route, after which an alert goes on to those of other receivers or not."""
    return {**{key: value for key, value in route.items() if key != "continue"}, **({"continue": True} if on else {})}


def _routes(text: str) -> list[Route]:
    routes: list[Route] = yaml.safe_load(text)["route"]["routes"]
    return routes
