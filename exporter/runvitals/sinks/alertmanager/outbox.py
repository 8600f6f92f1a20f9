"""What each Alertmanager is to be told: which alerts stand, which have ended, and how far each of them knows.

Alerts are levels: what could not be posted is posted when that works again, in the state that it has then. One that
has come and gone meanwhile is posted as firing once all the same, so that it is told.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any, NamedTuple

import msgspec

from runvitals.sinks.alertmanager.alert import Alert

STAND_SECONDS = 60.0
"""How long an alert stands at least, once an Alertmanager knows of it: longer than a group waits to be told."""

Key = tuple[tuple[str, str], ...]


class Told(msgspec.Struct):
    """When an Alertmanager was first, and last, told that an alert fires; whether it knows of the end."""

    first: float
    newest: float
    end: bool = False


class Standing(msgspec.Struct):
    """An alert from its opening until every Alertmanager knows of its end. `told` is by URL, times are Unix seconds."""

    alert: Alert
    closed: float | None = None
    told: dict[str, Told] = {}


class Posting(NamedTuple):
    """One alert as it is posted, and what it tells: that the alert fires, or has ended or will end."""

    key: Key
    alert: Alert
    ends_at: float | None

    @property
    def payload(self) -> dict[str, Any]:
        """Return it as API v2 takes it. Without times: those of Alertmanager's own clock hold, whatever ours shows."""
        end = {} if self.ends_at is None else {"endsAt": _rfc3339(self.ends_at)}
        return {"labels": self.alert.labels, "annotations": self.alert.annotations, **end}


class Outbox:
    """Keeps at most `max_alerts` alerts; for more, ended ones make room, else the newest is refused and counted.

    May be used from several threads: one that follows what is open, and one for each URL that posts.
    """

    def __init__(self, urls: Iterable[str], resend: float, resolve_after: float, max_alerts: int) -> None:
        self._urls = tuple(urls)
        self._resend, self._resolve_after, self._max_alerts = resend, resolve_after, max_alerts
        self._standing: dict[Key, Standing] = {}
        self._refused: frozenset[Key] = frozenset()
        self.dropped = 0
        self.version = 0
        self.changed = threading.Condition()

    def restore(self, standing: Iterable[Standing]) -> None:
        """Go on from what was saved; of Alertmanagers that are not posted to any more nothing is kept.

        What is beyond `max_alerts`, because that was larger before, is dropped and counted.
        """
        kept = list(standing)
        self.dropped += max(0, len(kept) - self._max_alerts)
        for one in kept[: self._max_alerts]:
            one.told = {url: told for url, told in one.told.items() if url in self._urls}
            self._standing[one.alert.key] = one

    def saved(self) -> list[Standing]:
        """Return what must outlive a restart: a copy."""
        with self.changed:
            return msgspec.convert(msgspec.to_builtins(list(self._standing.values())), list[Standing])

    def follow(self, alerts: Iterable[Alert], now: float) -> None:
        """Take in which alerts stand at `now`; those that stood and are not among them have ended."""
        with self.changed:
            active = {alert.key: alert for alert in alerts}
            for key in self._standing.keys() - active.keys():
                self._close(self._standing[key], now)
            refused = frozenset(key for key, alert in active.items() if not self._take(key, alert))
            self.dropped += len(refused - self._refused)
            self._refused = refused

    def due(self, url: str, now: float, *, everything: bool = False) -> list[Posting]:
        """Return what this Alertmanager should be told at `now`; with `everything`, what stands is told again."""
        with self.changed:
            postings = (self._posting(key, one, url, now, everything) for key, one in self._standing.items())
            return [one for one in postings if one is not None]

    def confirm(self, url: str, postings: Iterable[Posting], now: float) -> None:
        """Take in that an Alertmanager has been told."""
        with self.changed:
            for posting in postings:
                standing = self._standing.get(posting.key)
                if standing is not None:
                    self._note(posting, standing, url, now)

    def pending(self, url: str) -> int:
        """Return how many alerts this Alertmanager does not know the state of."""
        with self.changed:
            return sum(_is_news(one, url) for one in self._standing.values())

    def _take(self, key: Key, alert: Alert) -> bool:
        known = self._standing.get(key)
        if known is not None and known.closed is None:
            known.alert = alert
            return True
        if known is None and len(self._standing) >= self._max_alerts and not self._make_room():
            return False
        self._standing[key] = Standing(alert)
        self._note_change()
        return True

    def _make_room(self) -> bool:
        """Forget the alert that ended first. Whoever was not told of that end hears no more of it, and gives it up."""
        ended = [(one.closed, key) for key, one in self._standing.items() if one.closed is not None]
        if not ended:
            return False
        _, key = min(ended)
        self.dropped += any(_is_news(self._standing[key], url) for url in self._urls)
        del self._standing[key]
        return True

    def _close(self, standing: Standing, now: float) -> None:
        if standing.closed is None:
            standing.closed = now
            self._note_change()

    def _posting(self, key: Key, standing: Standing, url: str, now: float, everything: bool) -> Posting | None:
        told = standing.told.get(url)
        if told is None:
            return Posting(key, standing.alert, None)
        if standing.closed is not None:
            end = max(standing.closed + self._resolve_after, told.first + STAND_SECONDS)
            return None if told.end else Posting(key, standing.alert, end)
        is_due = everything or not 0.0 <= now - told.newest < self._resend
        return Posting(key, standing.alert, None) if is_due else None

    def _note(self, posting: Posting, standing: Standing, url: str, now: float) -> None:
        told = standing.told.get(url)
        if posting.ends_at is None:
            standing.told[url] = Told(told.first if told else now, now)
        elif told is not None and standing.closed is not None:
            told.end = True
        if standing.closed is not None and not any(_is_news(standing, one) for one in self._urls):
            del self._standing[posting.key]
        if told is None or posting.ends_at is not None:
            self._note_change()

    def _note_change(self) -> None:
        self.version += 1
        self.changed.notify_all()


def _is_news(standing: Standing, url: str) -> bool:
    told = standing.told.get(url)
    return told is None or (standing.closed is not None and not told.end)


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
