"""The receivers of alertmanager.yml, in the form of an AlertmanagerConfig.

What `global` says of the mail server stands in each e-mail receiver there, and a secret is a key of a Secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Settings = dict[str, Any]

SMTP_SECRET = {"name": "runvitals-smtp", "key": "password"}
"""The Secret that holds the password of the mail account."""

_EMAIL = {"to": "to", "send_resolved": "sendResolved", "html": "html", "text": "text"}
_SMTP = {
    "smtp_from": "from",
    "smtp_smarthost": "smarthost",
    "smtp_auth_username": "authUsername",
    "smtp_require_tls": "requireTLS",
}
_SNS = {
    "topic_arn": "topicARN",
    "phone_number": "phoneNumber",
    "target_arn": "targetARN",
    "subject": "subject",
    "message": "message",
    "attributes": "attributes",
    "send_resolved": "sendResolved",
}
_SIGV4 = {"region": "region", "profile": "profile", "role_arn": "roleArn"}


class DoesNotCarryOverError(Exception):
    """Something that an AlertmanagerConfig has no place for; the sentence names the remedy."""


def receiver(given: Settings, smtp: Settings) -> Settings:
    """Return a receiver; `smtp` is the section `global`. Raises DoesNotCarryOverError."""
    name = given["name"]
    ways = {"email_configs": lambda one: _email(name, one, smtp), "sns_configs": lambda one: _sns(name, one)}
    found: Settings = {"name": name}
    for key in given.keys() - {"name"}:
        if key not in ways:
            raise DoesNotCarryOverError(f"receiver {name!r}: write its {key} into the AlertmanagerConfig by hand")
        found[key.replace("_configs", "Configs")] = [ways[key](one) for one in given[key]]
    return found


def _email(name: str, given: Settings, smtp: Settings) -> Settings:
    own = {key: value for key, value in given.items() if key != "headers"}
    server = {key: value for key, value in smtp.items() if key != "smtp_auth_password_file"}
    found = renamed(f"receiver {name!r}", own, _EMAIL) | renamed("global", server, _SMTP)
    if "smtp_auth_password_file" in smtp:
        found["authPassword"] = dict(SMTP_SECRET)
    headers = [{"key": key, "value": value} for key, value in given.get("headers", {}).items()]
    return {**found, "headers": headers}


def _sns(name: str, given: Settings) -> Settings:
    own = {key: value for key, value in given.items() if key != "sigv4"}
    place = f"receiver {name!r}"
    return {"sigv4": renamed(place, given.get("sigv4", {}), _SIGV4), **renamed(place, own, _SNS)}


def renamed(place: str, given: Settings, names: Mapping[str, str]) -> Settings:
    """Return the settings under their other names. Raises DoesNotCarryOverError for one that has none."""
    for key in given.keys() - names.keys():
        raise DoesNotCarryOverError(
            f"{place}: `{key}` has no place in an AlertmanagerConfig; leave it out, or add it there"
        )
    return {names[key]: value for key, value in given.items()}
