"""The prometheus source: intervals, resets, runs, and servers that go and come."""

import collections
import itertools
import json
import math
import random
import re
import subprocess

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from runvitals.app import App
from runvitals.catalogue import signals
from runvitals.sources.prometheus.engines import ENGINES
from runvitals.sources.prometheus.page import PageReader
from runvitals.sources.prometheus.picks import Picks
from runvitals.sources.prometheus.quantile import histogram_quantile
from runvitals.sources.prometheus.series import Series, growth_of
from runvitals.sources.prometheus.settings import MetricSettings
from runvitals.sources.prometheus.vocabulary import MAX_NAMES, Vocabulary
from runvitals.values import Event
from tests.programs import find_program
from tests.servers import wait_until
from tests.sources.prometheus.page_server import (
    NOW,
    SECONDS,
    Clock,
    PageServer,
    make_source,
    serving,
    two_polls,
    values,
)

INF = math.inf


def tokens(count, model="m", created=None):
    name = f'vllm:generation_tokens_total{{model_name="{model}"}} {count}\n'
    return name + (f'vllm:generation_tokens_created{{model_name="{model}"}} {created}\n' if created else "")


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.5, {1.0: 0, 2.0: 10, INF: 10}, 1.5),
        (0.99, {1.0: 0, 2.0: 10, INF: 10}, 1.99),
        (0.5, {1.0: 10, 2.0: 10, INF: 10}, 0.5),
        (0.99, {1.0: 1, 2.0: 2, INF: 10}, 2.0),
        (0.5, {-1.0: 10, 2.0: 10, INF: 10}, -1.0),
        (0.5, {1.0: 5, 2.0: 4, 3.0: 10, INF: 10}, 1.0),
        (0.5, {1.0: 0, 2.0: 0, INF: 0}, None),
        (0.5, {1.0: 3, 2.0: 5}, None),
        (0.5, {INF: 5}, None),
        (0.5, {}, None),
    ],
)
def test_quantiles_are_promqls(q, buckets, expected):
    """Inside a bucket, in the first, beyond the last bound, below 0, with counts that fall, and where there is none."""
    assert histogram_quantile(q, buckets) == pytest.approx(expected)


def test_quantiles_are_those_of_the_real_promql(tmp_path):
    """Two hundred histograms, with negative bounds and counts that fall, are judged by promtool, to the microsecond."""
    chance, series, tests = random.Random(3), [], []
    for number in range(200):
        bounds = sorted({round(chance.uniform(-1 if number % 7 == 0 else 0.001, 10), 3) for _ in range(8)})
        steps = [chance.choice((0, 0, 1, 5, 100)) - (number % 11 == 0) for _ in range(len(bounds) + 1)]
        counts = [max(0.0, total) for total in itertools.accumulate(steps)]
        buckets = dict(zip([*bounds, INF], counts, strict=True))
        for bound, count in buckets.items():
            le = "+Inf" if bound == INF else bound
            series.append({"series": f'h_bucket{{n="{number}",le="{le}"}}', "values": f"{count}"})
        for q in (0.5, 0.99):
            ours, labels = histogram_quantile(q, buckets), f'{{n="{number}"}}'
            asked = f"round(histogram_quantile({q}, h_bucket{labels}) * 1e6)"
            told = [{"labels": labels, "value": round(ours * 1e6)}] if ours is not None else []
            asked = asked if told else f"{asked} == {asked}"  # NaN is not equal to itself
            tests.append({"expr": asked, "eval_time": "0m", "exp_samples": told})
    file = tmp_path / "quantiles.yml"
    file.write_text(json.dumps({"rule_files": [], "tests": [{"input_series": series, "promql_expr_test": tests}]}))
    command = [find_program("promtool"), "test", "rules", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_counter_that_was_reset_counts_from_zero():
    """A server that restarted between two polls has done what its counter says now."""
    assert values(two_polls(tokens(500), tokens(100)))["output_tokens_per_second"] == 100 / SECONDS


def test_a_counter_that_says_it_began_anew_is_taken_at_its_word():
    """It restarted and is beyond where it was: only its creation tells."""
    poll = two_polls(tokens(500, created=1e9), tokens(600, created=1.1e9))
    assert values(poll)["output_tokens_per_second"] == 600 / SECONDS


def test_a_histogram_that_was_reset_is_reset_as_a_whole():
    """Any bucket that fell means that all of them begin anew."""
    before = Series(count=10, sum=5.0, buckets={1.0: 9, INF: 10})
    now = Series(count=12, sum=6.0, buckets={1.0: 8, INF: 12})
    assert growth_of(before, now) is now


def test_a_part_that_one_page_lacks_is_not_known():
    """A bucket, or a count, whose line could not be read once did not grow from nothing."""
    before = Series(sum=5.0, buckets={1.0: 900, INF: 1000})
    now = Series(count=1010, sum=6.0, buckets={1.0: 908, 2.0: 1005, INF: 1010})
    assert growth_of(before, now) == Series(sum=1.0, buckets={1.0: 8, INF: 10})
    page = 'vllm:e2e_request_latency_seconds_{}{{model_name="m"}} {}\n'
    first, second = page.format("sum", 5.0), page.format("sum", 6.0) + page.format("count", 1010)
    assert values(two_polls(first, second), "m") == {"server_up": 1}


def test_the_first_poll_has_levels_alone():
    """A rate needs two pages: what a server did before it was watched is in no interval."""
    with serving(tokens(500) + 'vllm:num_requests_running{model_name="m"} 2\n') as server:
        poll = make_source(server.url).poll(NOW)
    assert values(poll) == {"requests_running": 2, "server_up": 1}
    assert poll.available["output_tokens_per_second"]


def test_a_series_that_was_missing_for_a_page_did_not_grow_from_nothing():
    """What it did is counted from where it was last seen."""
    clock, pages = Clock(), (tokens(1_000_000) + tokens(5, "n"), tokens(6, "n"), tokens(1_000_020) + tokens(7, "n"))
    with serving() as server:
        source = make_source(server.url, clock)
        for server.body in pages:
            poll = source.poll(NOW)
            clock.now += SECONDS
    assert values(poll, "m")["output_tokens_per_second"] == 20 / SECONDS


def test_rates_over_an_outage_are_over_its_whole_length():
    """The interval is that between two pages, not between two polls."""
    clock = Clock()
    with serving(tokens(100)) as server:
        source = make_source(server.url, clock)
        source.poll(NOW)
        server.status, clock.now = 500, 10.0
        source.poll(NOW + 10)
        server.status, server.body, clock.now = 200, tokens(500), 40.0
        assert values(source.poll(NOW + 40))["output_tokens_per_second"] == 10


def test_ray_is_asked_no_faster_than_it_counts():
    """It refreshes its numbers every 10 s: a rate over less would be 0, then twice what it is."""
    page = 'ray_serve_deployment_request_counter{{application="a"}} {}\n'
    clock, rates = Clock(), []
    with serving() as server:
        source = make_source(server.url, clock)
        for poll in range(9):
            server.body = page.format(poll // 2 * 100)
            rates.append(values(source.poll(NOW)).get("requests_per_second"))
            clock.now += 5
    assert rates == [None, None, 10, None, 10, None, 10, None, 10]


def test_each_model_is_a_run_unless_the_config_names_one():
    """With `run`, a page is one run, summed over its models."""
    page = 'vllm:num_requests_running{model_name="a"} 2\nvllm:num_requests_running{model_name="b"} 3\n'
    with serving(page) as server:
        poll = make_source(server.url).poll(NOW)
        assert values(poll, "a") == {"requests_running": 2, "server_up": 1}
        assert values(poll, "b") == {"requests_running": 3, "server_up": 1}
        poll = make_source(server.url, run="chat").poll(NOW)
        assert values(poll, "chat") == {"requests_running": 5, "server_up": 1}


def test_what_belongs_to_no_model_is_that_of_the_only_one():
    """The HTTP layer of vLLM knows no models; with two of them it is the address's."""
    http = 'http_requests_total{method="POST",status="2xx"} 5\n'
    page = tokens(1) + http
    assert "failed_requests_per_second" in values(two_polls(page, page), "m")
    page = tokens(1) + tokens(1, "n") + http
    poll = two_polls(page, page)
    assert "failed_requests_per_second" not in values(poll, "m")
    assert [item.run[:4] for item in poll.items if item.signal == "failed_requests_per_second"] == ["127."]


def test_a_server_that_goes_down_is_down_under_its_name():
    """After a page, and after a restart of the sidecar, the run of a dead server is the model's."""
    server = PageServer(tokens(1) + 'vllm:num_requests_running{model_name="m"} 2\n')
    source = make_source(server.url, timeout=1.0)
    up = source.poll(NOW)
    server.close()
    down = source.poll(NOW + 5)
    assert down.error
    assert values(down, "m") == pytest.approx({"server_up": 0, "requests_running": math.nan}, nan_ok=True)
    assert down.available
    assert not any(down.available.values())
    assert values(source.poll(NOW + 10)) == {"server_up": 0}
    later = make_source(server.url, timeout=1.0)
    later.restore(json.loads(json.dumps(up.position)))
    assert values(later.poll(NOW), "m") == pytest.approx({"server_up": 0, "requests_running": math.nan}, nan_ok=True)
    assert values(later.poll(NOW), "m") == {"server_up": 0}


def test_a_server_that_was_down_at_first_is_up_under_both_names():
    """Before its model is known it is called by its address; that name is told that it is up, too."""
    with serving() as server:
        server.status = 503
        source = make_source(server.url)
        assert values(source.poll(NOW), server.address) == {"server_up": 0}
        server.status, server.body = 200, tokens(1)
        poll = source.poll(NOW)
        assert values(poll, "m") == values(poll, server.address) == {"server_up": 1}


def test_a_model_that_was_unloaded_is_not_up():
    """The server is; what it says of a model that it has no more is NaN once."""
    with serving(tokens(1) + tokens(1, "n")) as server:
        source = make_source(server.url)
        source.poll(NOW)
        server.body = tokens(1)
        poll = source.poll(NOW)
        assert math.isnan(values(poll, "n")["server_up"])
        assert values(poll, "m")["server_up"] == 1
        assert {item.run for item in source.poll(NOW).items} == {"m"}


def test_a_server_that_cannot_be_asked_is_neither_up_nor_down(tmp_path):
    """A token that cannot be read is our own fault: what was known of the server is known no more."""
    token = tmp_path / "token"
    token.write_text("abc")
    with serving(tokens(1)) as server:
        source = make_source(server.url, bearer_token_file=str(token))
        assert values(source.poll(NOW), "m") == {"server_up": 1}
        token.unlink()
        assert math.isnan(values(source.poll(NOW), "m")["server_up"])
        assert source.poll(NOW).items == []


def test_an_xid_is_an_event_when_it_comes():
    """The gauge sticks: only a change is news, and what it held at first had happened before."""
    with serving() as server:
        source = make_source(server.url, run="node")
        told = []
        for xid in (31, 31, 0, 79, 79):
            server.body = f'DCGM_FI_DEV_XID_ERRORS{{gpu="1"}} {xid}\n'
            told.append([item.text for item in source.poll(NOW).items if isinstance(item, Event)])
    assert told == [[], [], [], ["XID 79 on gpu1"], []]


def test_the_page_of_the_real_client_library():
    """What prometheus_client serves: OpenMetrics, packed, with exemplars and times of creation."""
    registry = CollectorRegistry()
    latency = Histogram(
        "vllm:e2e_request_latency_seconds", "Latency.", ["model_name"], registry=registry, buckets=[1, 2]
    )
    done = Counter("vllm:request_success", "Requests.", ["model_name", "finished_reason"], registry=registry)
    latency.labels("m").observe(0.5)
    done.labels("m", "stop").inc()
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        clock = Clock()
        source = make_source(f"http://127.0.0.1:{server.server_port}/metrics", clock)
        source.poll(NOW)
        clock.now = SECONDS
        for _ in range(4):
            latency.labels("m").observe(1.5, {"trace_id": "abc"})
            done.labels("m", "length").inc()
        poll = source.poll(NOW)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert poll.rejected == {}
    assert values(poll, "m") == pytest.approx(
        {
            "request_seconds": 1.5,
            "request_p50_seconds": 1.5,
            "request_p99_seconds": 1.99,
            "requests_per_second": 4 / SECONDS,
            "server_up": 1,
        }
    )


@pytest.mark.parametrize(
    "position", [None, 5, {}, {"models": []}, {"models": [1], "known": []}, {"models": [], "known": [["a"]]}]
)
def test_a_position_of_something_else_is_refused(position):
    """What is in a state file may be another source's."""
    with pytest.raises(ValueError, match="not the position"):
        make_source("http://localhost/metrics").restore(position)


def test_the_rank_is_the_replica(monkeypatch):
    """On this machine it is $RUNVITALS_RANK, elsewhere the URL's host; the config goes over both."""
    monkeypatch.setenv("RUNVITALS_RANK", "replica-7")

    def rank(url, **settings):
        [sample] = make_source(url, timeout=0.1, **settings).poll(NOW).items
        return sample.rank

    assert rank("http://localhost:1/metrics", rank=None) == "replica-7"
    assert rank("http://gpu-node.invalid:1/metrics", rank=None) == "gpu-node.invalid"
    assert rank("http://localhost:1/metrics", rank="b") == "b"


def test_every_signal_of_an_engine_is_in_the_catalogue():
    """What a table says is a canonical signal."""
    known = {signal.name for signal in signals.ALL}
    vocabulary = Vocabulary(ENGINES, Picks(()))
    assert vocabulary.look_up("vllm:num_requests_running").marks == ("vllm",)
    for engine in ENGINES:
        assert {signal.name for signal in engine.expected} <= known
        assert not engine.marks.startswith("^")
        for reading in engine.readings:
            for metric in reading.metrics:
                prefix = "" if metric in engine.unprefixed else engine.prefixes[0]
                assert engine.name in {one.engine for one in vocabulary.look_up(prefix + metric).meanings}


def test_metrics_are_picked_by_pattern_with_type_and_unit():
    """Gauges, counters, histograms and summaries of a server that nobody knows, in base units."""

    def page(n):
        return (
            f'my_queue_ms{{shard="a"}} {n}\nmy_queue_ms{{shard="b"}} {3 * n}\nmy_fill_percent{{shard="a"}} 50\n'
            f'my_fill_percent{{shard="b"}} 100\nmy_errors_total{{code="5"}} {n}\n'
            f'my_errors_total{{code="4"}} {100 * n}\n'
            f'my_latency_ms_bucket{{le="10"}} 0\nmy_latency_ms_bucket{{le="20"}} {n}\n'
            f'my_latency_ms_bucket{{le="+Inf"}} {n}\nmy_latency_ms_sum {15 * n}\nmy_latency_ms_count {n}\n'
            f'my_wait_us{{quantile="0.5"}} 7\nmy_wait_us{{quantile="0.99"}} 9\nmy_wait_us_sum {8 * n}\n'
            f"my_wait_us_count {n}\n"
        )

    picks = (
        MetricSettings(match="my_queue_ms", type="gauge", unit="milliseconds", layer="shard"),
        MetricSettings(match="my_fill_.*", type="gauge", unit="percent", signal="batch_utilization_ratio"),
        MetricSettings(match="my_errors_total", type="counter", labels={"code": "5"}),
        MetricSettings(match="my_lat.*", type="histogram", unit="milliseconds", signal="request_seconds"),
        MetricSettings(match="my_wait_us", type="summary", unit="microseconds"),
    )
    poll = two_polls(page(10), page(30), metrics=picks, run="mine")
    assert values(poll) == pytest.approx(
        {
            "batch_utilization_ratio": 0.75,
            "my_errors_per_second": 1.0,
            "request_seconds": 0.015,
            "request_p50_seconds": 0.015,
            "request_p99_seconds": 0.0199,
            "my_wait_seconds": 8e-6,
            "my_wait_p50_seconds": 7e-6,
            "my_wait_p99_seconds": 9e-6,
            "server_up": 1,
        }
    )
    assert values(poll, layer="a") == {"my_queue_seconds": pytest.approx(0.03)}
    assert values(poll, layer="b") == {"my_queue_seconds": pytest.approx(0.09)}
    assert not poll.error


def test_a_pattern_that_matches_everything_is_bounded():
    """A pattern for a page of a thousand metrics gets five hundred; the others are counted."""
    page = "".join(f"metric_{number} 1\n" for number in range(1000))
    with serving(page) as server:
        source = make_source(server.url, metrics=(MetricSettings(match=".*", type="gauge"),))
        poll = source.poll(NOW)
        assert poll.rejected == {"too_many_metrics": 500}
        assert len(poll.items) == 501


def test_what_the_reader_remembers_is_bounded():
    """A server that makes up names and labels as it goes costs no memory in the end."""
    reader = PageReader(Vocabulary(ENGINES, Picks(())), 100)
    for page in range(100):
        text = "".join(
            f'name_{page}_{line} 1\nvllm:num_requests_running{{x="{page}_{line}"}} 1\n' for line in range(200)
        )
        reader.read(text, INF, collections.Counter())
    assert len(reader._labels) <= 100
    assert len(reader._vocabulary._known) <= MAX_NAMES


CONFIG = """
web: {{listen_address: '127.0.0.1:0'}}
tick_seconds: 0.1
sources:
- {{kind: prometheus, url: '{url}', interval: 0.1, timeout: 5, rank: r}}
"""


def vllm_page(requests, seconds, waiting):
    count = 'vllm:e2e_request_latency_seconds_count{model_name="chat"}'
    total = 'vllm:e2e_request_latency_seconds_sum{model_name="chat"}'
    return f'{count} {requests}\n{total} {seconds}\nvllm:num_requests_waiting{{model_name="chat"}} {waiting}\n'


def test_a_server_whose_latency_degrades_and_that_dies(tmp_path, monkeypatch):
    """From the page to the sidecar's own: latency rises, then the server dies, and both are seen under its name."""
    monkeypatch.setenv("RUNVITALS_STATE_DIR", str(tmp_path / "state"))
    server = PageServer(vllm_page(0, 0, 0))
    (tmp_path / "c.yml").write_text(CONFIG.format(url=server.url))
    app = App(tmp_path / "c.yml")
    app.start()

    def newest(signal):
        snapshot = app.snapshot()
        found = [one for one in snapshot.series if (one.run, one.signal) == ("chat", signal)] if snapshot else []
        return found[0] if found else None

    def page():
        return wait_until(app.snapshot, "a snapshot")

    try:
        wait_until(lambda: newest("requests_waiting"), "the first page")
        server.body = vllm_page(10, 5, 3)
        wait_until(lambda: (one := newest("request_seconds")) and one.value == 0.5, "half a second")
        server.body = vllm_page(20, 45, 9)
        wait_until(lambda: newest("request_seconds").value == 4.0, "four seconds")
        assert newest("requests_waiting").value == 9
        [source] = [one for one in page().sources if one.kind == "prometheus"]
        assert source.up
        assert source.available["request_seconds"]
        assert not source.available["error_ratio"]
        server.close()
        wait_until(lambda: newest("server_up").value == 0, "the end")
        wait_until(lambda: math.isnan(newest("requests_waiting").value), "no stale value")
        [source] = [one for one in page().sources if one.kind == "prometheus"]
        assert not source.up
        assert re.search(r"127\.0\.0\.1:\d+: .*(refused|reset)", source.error)
    finally:
        app.stop()
