"""Who is told, by which way, and when not."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

from runvitals.bundle.addresses import check_address
from runvitals.config.suggestion import closest
from runvitals.settings import Settings

SHIPPED_RECEIVERS = ("email", "sms")
_MAIL = re.compile(r"[^\s@,]+@[^\s@,]+|[^<>,\n]*<[^\s@,]+@[^\s@,]+>")
_DAY_ENDS = "24:00"


class EmailValues(Settings, frozen=True):
    """Who reads the mail, and the server that takes it. The password is read by Alertmanager from `password_file`."""

    to: list[str]
    sender: str
    smarthost: str
    username: str = ""
    password_file: str = ""
    require_tls: bool = True

    def __post_init__(self) -> None:
        """Refuse what Alertmanager or the mail server would."""
        if not self.to:
            raise ValueError("`to` names nobody: give at least one mail address")
        for address in [*self.to, self.sender]:
            if not _MAIL.fullmatch(address):
                raise ValueError(f"{address!r} is no mail address")
        check_address(self.smarthost, 587)
        if bool(self.username) != bool(self.password_file):
            raise ValueError("`username` and `password_file` go together: give both, or neither")


class SmsValues(Settings, frozen=True):
    """Whose telephone rings, through Amazon SNS in a region."""

    phone_number: str
    region: str

    def __post_init__(self) -> None:
        """Refuse what SNS would."""
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", self.phone_number):
            raise ValueError(f"{self.phone_number!r} is no number in E.164 form: +, country, number; quote it")
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", self.region):
            raise ValueError(f"{self.region!r} is no AWS region, such as us-east-1")


class QuietHoursValues(Settings, frozen=True):
    """When warnings wait until morning: from `start` to `end`, local time of `time_zone`; over midnight too."""

    time_zone: str
    start: str = "22:00"
    end: str = "07:00"

    def __post_init__(self) -> None:
        """Refuse what is no time of a day, and a zone that the time zone database does not have."""
        for text in (self.start, self.end):
            if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
                raise ValueError(f"{text!r} is no time of a day: write it as 22:00, in quotes")
        if self.start == self.end:
            raise ValueError(f"quiet hours from {self.start} to {self.end} are empty: leave `quiet_hours` out")
        zones = available_timezones()
        if zones and self.time_zone not in zones:
            raise ValueError(f"no time zone is called {self.time_zone!r}{_closest_zone(self.time_zone, zones)}")

    def ranges(self) -> list[dict[str, str]]:
        """Return the times as Alertmanager takes them: none goes over midnight."""
        if self.start < self.end:
            return [{"start_time": self.start, "end_time": self.end}]
        evening = {"start_time": self.start, "end_time": _DAY_ENDS}
        morning = {"start_time": "00:00", "end_time": self.end}
        return [evening] if self.end == "00:00" else [evening, morning]


class AlertmanagerValues(Settings, frozen=True):
    """Who is told, and how. `receivers` are further ones, as Alertmanager writes them; one called `sms` replaces it.

    `critical` and `warning` name the receivers of a severity: `email`, `sms`, or one of `receivers`. `templates` are
    files with further templates, or with others in the place of shipped ones. `quiet_hours: false` switches them off.
    """

    email: EmailValues | None = None
    sms: SmsValues | None = None
    receivers: list[dict[str, Any]] = []
    templates: list[str] = []
    critical: list[str] | None = None
    warning: list[str] | None = None
    quiet_hours: QuietHoursValues | bool = True

    def __post_init__(self) -> None:
        """Refuse receivers without a name, and routes to receivers that nothing is."""
        names = list(dict.fromkeys([*SHIPPED_RECEIVERS, *(_name(receiver) for receiver in self.receivers)]))
        for severity, receivers in (("critical", self.critical), ("warning", self.warning)):
            if receivers == [] or len(set(receivers or ())) != len(receivers or ()):
                raise ValueError(f"`{severity}` must name at least one receiver, and each once")
            for name in receivers or ():
                if name not in names:
                    raise ValueError(f"`{severity}` names a receiver {name!r} that there is not{closest(name, names)}")


def _name(receiver: dict[str, Any]) -> str:
    name = receiver.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("each of `receivers` needs a `name`, as in Alertmanager's config")
    return name


def _closest_zone(name: str, zones: set[str]) -> str:
    near = closest(name, zones)
    return near if near.startswith("; did") else "; it is called like a city, for instance Europe/Berlin"
