"""Pages that are nearly pages, as many as one has time for: no exception, no growth, nothing that cannot be.

python -m tests.fuzz.prometheus_page 1000000
"""

from __future__ import annotations

import random
import resource
import sys
import time
from math import isnan
from pathlib import Path

from runvitals.sources.prometheus.http_get import Answer
from runvitals.sources.prometheus.plausible import is_plausible
from runvitals.sources.prometheus.reasons import Reason
from runvitals.sources.prometheus.settings import MetricSettings, PrometheusSettings
from runvitals.sources.prometheus.source import PrometheusSource
from runvitals.values import Poll, Sample

PAGES = Path(__file__).parents[1] / "sources" / "prometheus" / "pages"
LINES = [line for file in sorted(PAGES.glob("*.prom")) for line in file.read_bytes().split(b"\n") if line]
PIECES = (
    b"{", b"}", b'"', b",", b"=", b"\\", b"\n", b"\r", b"\0", b"#", b" ", b"\xff", b"NaN", b"+Inf", b"-1", b"1e308",
    b"1e-320", b"9223372036854775794", b"_total", b"_bucket", b"_sum", b"_count", b"_created", b"le=", b"quantile=",
    b'le="+Inf"', b'le="NaN"', b'le="-1"', b"0", b"model_name=", b"# TYPE ", b"\xef\xbb\xbf", b"[", b"<",
)  # fmt: skip
PICKS = (
    MetricSettings(match="vllm.*|tgi_.*", type="gauge", layer="model_name"),
    MetricSettings(match=".*latency.*", type="histogram", unit="milliseconds"),
)
MAX = 200


class Fuzz:
    """One source that is shown page after page."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._now = 0.0
        self._page = b""
        settings = PrometheusSettings(
            url="http://localhost/metrics", rank="r", metrics=PICKS, max_series=MAX, max_models=8, max_layers=8
        )
        self.source = PrometheusSource(settings, clock=lambda: self._now, fetch=lambda *_: Answer(self._page, ""))

    def step(self) -> Poll:
        """Poll one more page, and check what comes of it."""
        self._page = self._mutated()
        self._now += self._random.choice((0.0, 1.0, 5.0, 60.0))
        try:
            poll = self.source.poll(self._now)
        except Exception:
            print(f"the page: {self._page!r}")
            raise
        self._check(poll)
        return poll

    def _mutated(self) -> bytes:
        chance = self._random
        start = chance.randrange(len(LINES))
        page = bytearray(b"\n".join(LINES[start : start + chance.randrange(1, 25)]))
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(page) + 1)
            kind = chance.randrange(5)
            if kind == 0:
                page[at:at] = chance.choice(PIECES)
            elif kind == 1:
                del page[at : at + chance.randrange(1, 40)]
            elif kind == 2 and page:
                page[at % len(page)] = chance.randrange(256)
            elif kind == 3:
                page[at:at] = b"\n" + chance.choice(LINES) + b"\n"
            else:
                page[at:at] = str(chance.randrange(10**6)).encode()
        return bytes(page)

    def _check(self, poll: Poll) -> None:
        places = [(item.run, item.layer, item.signal) for item in poll.items if isinstance(item, Sample)]
        assert len(places) == len(set(places))
        assert all(
            isnan(item.value) or is_plausible(item.signal, item.value)
            for item in poll.items
            if isinstance(item, Sample)
        )
        assert set(poll.rejected) <= {reason.value for reason in Reason}

    def sizes(self) -> tuple[int, ...]:
        """Return how much the source remembers, by what."""
        source = self.source
        return (
            len(source._reader._labels),
            sum(map(len, source._growth._before.values())),
            len(source._known),
            len(source._picks.readings),
            len(source._available),
            len(source._places._numbers),
        )


def main(count: int, seed: int = 0) -> None:
    """Show `count` pages, and print how long it took and what memory it cost."""
    fuzz, started, early = Fuzz(seed), time.monotonic(), 0
    for number in range(count):
        fuzz.step()
        if number == count // 10:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    late = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = time.monotonic() - started
    print(f"{count} pages in {seconds:.0f} s; memory after a tenth of them {early} KiB, at the end {late} KiB")
    print(f"remembered: {fuzz.sizes()}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
