"""A server's `/metrics`, scraped: what it publishes, in canonical signals and base units."""

from __future__ import annotations

import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import nan

from runvitals.catalogue import signals
from runvitals.sources.prometheus.availability import availability
from runvitals.sources.prometheus.body import page_text
from runvitals.sources.prometheus.credentials import request_headers, tls_context
from runvitals.sources.prometheus.engines import ENGINES
from runvitals.sources.prometheus.engines.engine import Engine
from runvitals.sources.prometheus.groups import Said, of_engine, of_picks, say
from runvitals.sources.prometheus.growth import Grown, Growth
from runvitals.sources.prometheus.http_get import Answer, BadAnswerError, NoAnswerError, Target, get
from runvitals.sources.prometheus.page import Page, PageReader, PageTooSlowError
from runvitals.sources.prometheus.picks import Picks
from runvitals.sources.prometheus.position import Key, Position, from_plain, to_plain
from runvitals.sources.prometheus.reasons import Reason
from runvitals.sources.prometheus.runs import Runs
from runvitals.sources.prometheus.settings import PrometheusSettings, split_url
from runvitals.sources.prometheus.targets import Place, Places, rank_of
from runvitals.sources.prometheus.vocabulary import Vocabulary
from runvitals.sources.prometheus.xid_changes import XidChanges
from runvitals.values import Event, Poll, Sample

_UP = signals.SERVER_UP.name
_REFRESH_SLACK = 0.9  # a poll that comes a little early still takes the page as refreshed
_UNKNOWN_SERVER = "no known server's metrics are on the page; name what to watch under `metrics:` of this source"


class PrometheusSource:
    """Scrapes one page at each poll; rates and distributions are those of the interval between two.

    `server_up` has a sample at every poll: a server that does not answer is a sample of 0, and the source is down. A
    signal that was there and is no more becomes NaN once, so that nobody reads its last value as the newest; one that
    is published but had nothing to measure (no request ended) has no sample. `clock` is monotonic time in seconds,
    `fetch` gets the page.
    """

    kind = "prometheus"
    listens = False

    def __init__(
        self,
        settings: PrometheusSettings,
        name: str = "prometheus",
        *,
        clock: Callable[[], float] = time.monotonic,
        fetch: Callable[[Target, float, int], Answer] = get,
    ) -> None:
        self.name = name
        self.interval = settings.interval
        self._settings = settings
        self._clock = clock
        self._fetch = fetch
        self._url = split_url(settings.url)
        self._rank = settings.rank or rank_of(self._url)
        self._runs = Runs(settings.run, self._url.netloc)
        self._picks = Picks(settings.metrics)
        self._reader = PageReader(Vocabulary(ENGINES, self._picks), settings.max_series)
        self._growth = Growth(settings.max_series)
        self._places = Places(settings.max_models, settings.max_layers, by_model=not settings.run)
        self._engines: tuple[Engine, ...] = ()
        self._known: set[Key] = set()
        self._told_up: set[str] = set()
        self._xids = XidChanges()
        self._available: dict[str, bool] = {}

    def poll(self, now: float) -> Poll:
        """Return what the server publishes now. Where it does not answer, or not with a page, the poll says why."""
        rejected: Counter[Reason] = Counter()
        try:
            page = self._page(rejected)
        except NoAnswerError as error:
            return self._without_page(now, 0.0, f"{self._url.netloc}: {error}", rejected)
        except BadAnswerError as error:
            return self._without_page(now, 1.0, f"{self._url.netloc}: {error}", rejected)
        except (OSError, ValueError) as error:  # a file of ours: the server was not asked
            return self._without_page(now, None, str(error), rejected)
        said = self._read(page, rejected)
        self._runs.see({place.model for place in said if place.model})
        samples = list(self._samples(said, now))
        items: list[Sample | Event] = [*samples, *self._xids.events(samples), *self._up(1.0, now)]
        published = {signal for one in said.values() for signal in one.published}
        self._available = availability(self._engines, published, self._available)
        problem = "" if self._engines or published else f"{self._url.netloc}: {_UNKNOWN_SERVER}"
        return self._finished(items, problem, rejected)

    def restore(self, position: object) -> None:
        """Go on with what an earlier poll knew: if the server is down now, it is that which is known no more."""
        before = from_plain(position)
        self._runs.restore(before.models)
        self._known = {key for key in before.known if key[2] != _UP}
        self._told_up = {run for run, _, signal in before.known if signal == _UP}

    def close(self) -> None:
        """Nothing is kept open between two polls."""

    def _page(self, rejected: Counter[Reason]) -> Page:
        deadline = time.monotonic() + self._settings.timeout
        target = Target(self._url, request_headers(self._settings), self._tls(), self._settings.tls.server_name)
        text = page_text(self._fetch(target, self._settings.timeout, self._settings.max_bytes), rejected)
        try:
            return self._reader.read(text, deadline, rejected)
        except PageTooSlowError:
            problem = f"the page could not be read within {self._settings.timeout:g} s; raise timeout"
            raise BadAnswerError(problem) from None

    def _tls(self) -> ssl.SSLContext | None:
        return tls_context(self._settings.tls) if self._url.scheme == "https" else None

    def _read(self, page: Page, rejected: Counter[Reason]) -> dict[Place, Said]:
        """Return what the page says of each place."""
        at = self._clock()
        self._engines = tuple(engine for engine in ENGINES if engine.name in page.engines)
        seconds = self._growth.seconds(at)
        refresh = max((engine.refresh_seconds for engine in self._engines), default=0.0) * _REFRESH_SLACK
        if seconds is not None and seconds < refresh:
            seconds, grown = None, Grown()
        else:
            grown = self._growth.take(page, at)
        said: dict[Place, Said] = {}
        for engine in self._engines:
            for place, group in of_engine(engine, page, grown, self._places, rejected).items():
                say(said, place, engine.readings, group, seconds, rejected)
        for place, reading, one in of_picks(self._picks, page, grown, self._places, rejected):
            say(said, place, (reading,), one, seconds, rejected)
        self._places.keep(said)
        return said

    def _samples(self, said: dict[Place, Said], now: float) -> Iterator[Sample]:
        """Yield what has a value, and NaN for what was there before."""
        published: set[Key] = set()
        sampled: set[Key] = set()
        for place, one in said.items():
            run = self._runs.of(place.model)
            published.update((run, place.layer, signal) for signal in one.published)
            for signal, value in one.values.items():
                key = (run, place.layer, signal)
                if key not in sampled:  # what belongs to no model may join that of the only one
                    sampled.add(key)
                    yield Sample(run, self._rank, signal, place.layer, now, None, value)
        yield from self._vanished(self._known - published, now)
        self._known = sampled | (self._known & published)

    def _vanished(self, keys: set[Key], now: float) -> Iterator[Sample]:
        for run, layer, signal in sorted(keys):
            yield Sample(run, self._rank, signal, layer, now, None, nan)

    def _up(self, value: float | None, now: float) -> Iterator[Sample]:
        """Yield for each run whether the server answered; NaN once for a run of which that is not known any more."""
        told = self._told_up
        self._told_up = set() if value is None else set(self._runs.all())
        yield from self._vanished({(run, "", _UP) for run in told - self._told_up}, now)
        if value is not None:
            for run in sorted(self._told_up):
                yield Sample(run, self._rank, _UP, "", now, None, value)

    def _without_page(self, now: float, up: float | None, error: str, rejected: Counter[Reason]) -> Poll:
        items = [*self._vanished(self._known, now), *self._up(up, now)]
        self._known = set()
        self._available = dict.fromkeys(self._available, False)
        return self._finished(items, error, rejected)

    def _finished(self, items: Sequence[Sample | Event], error: str, rejected: Counter[Reason]) -> Poll:
        rejected[Reason.TOO_MANY_METRICS] += self._picks.take_refused()
        return Poll(
            items=items,
            rejected={reason.value: count for reason, count in rejected.items() if count},
            position=to_plain(Position(self._runs.models, [*self._known, *((run, "", _UP) for run in self._told_up)])),
            error=error,
            available=dict(self._available),
        )
