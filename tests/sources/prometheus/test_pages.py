"""Pages written for the tests, in the form of servers of which no real page under load was at hand."""

from pathlib import Path

import pytest

from tests.sources.prometheus.page_server import NOW, make_source, serving, two_polls, values, zeroed

PAGES = Path(__file__).with_name("pages")


def page(name):
    return (PAGES / f"{name}.prom").read_text()


def poll_of(name, **settings):
    return two_polls(zeroed(page(name)), page(name), **settings)


def test_vllm_v1_under_load():
    """Between two pages, 44 requests ended; 10 posts failed with 5xx, a status that had no series before."""
    poll = two_polls(page("vllm-v1_before"), page("vllm-v1_after"))
    assert values(poll, "llama-8b") == pytest.approx({
        "request_seconds": 220 / 44, "request_p50_seconds": 2.5 + 2.5 * 22 / 22, "request_p99_seconds": 5.0,
        "time_to_first_token_seconds": 24 / 44,
        "time_to_first_token_p50_seconds": 0.5 + 0.5 * (22 - 20) / 20,
        "time_to_first_token_p99_seconds": 1.0,
        "time_per_output_token_seconds": 120 / 4000,
        "time_per_output_token_p50_seconds": 0.025 + 0.025 * (2000 - 1000) / 3000,
        "time_per_output_token_p99_seconds": 0.025 + 0.025 * (3960 - 1000) / 3000,
        "queue_seconds": 8.8 / 44, "queue_p50_seconds": 0.3, "queue_p99_seconds": 0.3 + 0.2 * (43.56 - 22) / 22,
        "prefill_seconds": 8.8 / 44, "prefill_p50_seconds": 0.3, "prefill_p99_seconds": 0.3 + 0.2 * (43.56 - 22) / 22,
        "decode_seconds": 88 / 44, "decode_p50_seconds": 1.0 + 1.5 * 22 / 44,
        "decode_p99_seconds": 1.0 + 1.5 * 43.56 / 44,
        "requests_running": 12, "requests_waiting": 7, "kv_cache_utilization_ratio": 0.97,
        "prefix_cache_hit_ratio": 500 / 2000, "preemptions_per_second": 10 / 20,
        "prompt_tokens_per_second": 40000 / 20, "output_tokens_per_second": 4000 / 20,
        "requests_per_second": 44 / 20, "aborted_requests_per_second": 4 / 20,
        "failed_requests_per_second": 10 / 20, "error_ratio": 10 / 50, "server_up": 1,
    })  # fmt: skip
    assert poll.rejected == {}


def test_the_names_of_one_server_in_all_their_spellings():
    """Colons escaped, embedded in Ray or KServe: the same signals come out."""
    expected = values(two_polls(page("vllm-v1_before"), page("vllm-v1_after")))
    for prefix in ("vllm_", "ray_vllm_", "ray_vllm:", "kserve_vllm_"):
        before, after = (page(f"vllm-v1_{when}").replace("vllm:", prefix) for when in ("before", "after"))
        assert values(two_polls(before, after)) == expected


def test_openmetrics_gives_the_same():
    """With exemplars, time stamps, units, `# EOF` and CRLF, the page says what it said."""
    expected = values(two_polls(page("vllm-v1_before"), page("vllm-v1_after")))

    def as_openmetrics(text):
        lines = []
        for line in text.splitlines():
            with_exemplar = "_bucket{" in line
            lines.append(line + (' # {trace_id="a}b\\"c"} 0.67 1.7e9' if with_exemplar else ""))
        return "\r\n".join([*lines, "# UNIT vllm:x seconds", "# EOF", ""])

    before, after = (as_openmetrics(page(f"vllm-v1_{when}")) for when in ("before", "after"))
    poll = two_polls(before, after)
    assert values(poll) == expected
    assert poll.rejected == {}


def test_sglang_of_newer_versions():
    """Ranks of a tensor-parallel group tell the same thing once; cached tokens are over all kinds of cache."""
    assert values(poll_of("sglang-0.5"), "qwen-32b") == pytest.approx({
        "time_per_output_token_seconds": 0.01, "time_per_output_token_p50_seconds": 0.01,
        "time_per_output_token_p99_seconds": 0.01 + 0.01 * 980 / 1000,
        "queue_seconds": 0.25, "queue_p50_seconds": 0.1, "queue_p99_seconds": 0.1 + 0.9 * (39.6 - 20) / 20,
        "requests_running": 4, "requests_waiting": 3, "kv_cache_utilization_ratio": 0.62,
        "requests_per_second": 2, "aborted_requests_per_second": 0.1, "preemptions_per_second": 0.5,
        "prefix_cache_hit_ratio": 0.75, "prompt_tokens_per_second": 400, "output_tokens_per_second": 100,
        "server_up": 1,
    })  # fmt: skip


def test_tgi():
    """No label names a model: the run is the address. Failures of all kinds are one rate."""
    assert values(poll_of("tgi")) == pytest.approx({
        "request_seconds": 0.9, "request_p50_seconds": 0.5 + 0.5 * (22.5 - 10) / 20,
        "request_p99_seconds": 1 + (44.55 - 30) / 15,
        "queue_seconds": 0.02, "queue_p50_seconds": 0.05, "queue_p99_seconds": 0.099,
        "time_per_output_token_seconds": 0.03, "time_per_output_token_p50_seconds": 0.03,
        "time_per_output_token_p99_seconds": 0.02 + 0.02 * 0.99,
        "requests_running": 8, "requests_waiting": 5, "requests_per_second": 45 / 20,
        "failed_requests_per_second": 5 / 20, "error_ratio": 5 / 50,
        "prompt_tokens_per_second": 450, "output_tokens_per_second": 225, "server_up": 1,
    })  # fmt: skip


def test_trtllm_serve():
    """TensorRT-LLM's own server, at its page of Prometheus text."""
    assert values(poll_of("trtllm-serve"), "mixtral") == pytest.approx({
        "request_seconds": 0.9, "request_p50_seconds": 1.0, "request_p99_seconds": 1 + (39.6 - 20) / 20,
        "time_to_first_token_seconds": 0.1, "time_to_first_token_p50_seconds": 0.1,
        "time_to_first_token_p99_seconds": 0.1 + 0.1 * (39.6 - 20) / 20,
        "time_per_output_token_seconds": 0.015, "time_per_output_token_p50_seconds": 0.015,
        "time_per_output_token_p99_seconds": 0.0199,
        "queue_seconds": 0.005, "queue_p50_seconds": 0.005, "queue_p99_seconds": 0.0099,
        "requests_running": 9, "requests_waiting": 1, "requests_per_second": 2,
        "kv_cache_utilization_ratio": 0.7, "prefix_cache_hit_ratio": 0.25, "server_up": 1,
    })  # fmt: skip


def test_tensorflow_serving():
    """Microseconds become seconds; every status but OK is a failure."""
    assert values(poll_of("tfserving-2"), "mnist") == pytest.approx({
        "request_seconds": 0.025, "request_p50_seconds": 0.01, "request_p99_seconds": 0.01 + 0.09 * 49 / 50,
        "requests_per_second": 5, "failed_requests_per_second": 0.2, "error_ratio": 0.04, "server_up": 1,
    })  # fmt: skip


def test_triton_with_histograms_of_the_first_response():
    """Means come from counters where there is no summary; failures of all reasons are one rate."""
    poll = poll_of("triton-first-response")
    assert values(poll, "llama") == pytest.approx({
        "request_seconds": 0.5, "queue_seconds": 0.01,
        "time_to_first_token_seconds": 0.2, "time_to_first_token_p50_seconds": 0.1,
        "time_to_first_token_p99_seconds": 0.1 + 0.4 * (7.92 - 4) / 4,
        "requests_running": 16, "requests_waiting": 3, "batch_utilization_ratio": 0.25,
        "kv_cache_utilization_ratio": 0.4375, "requests_per_second": 0.5, "failed_requests_per_second": 0.1,
        "error_ratio": 0.2, "server_up": 1,
    })  # fmt: skip
    assert poll.available["request_p99_seconds"] is False


def test_dcgm_with_a_divided_gpu():
    """GPUs and instances are layers; marks for no value are counted; heat is throttling, the power cap is not."""
    with serving(page("dcgm-exporter-3_mig")) as server:
        poll = make_source(server.url, run="node").poll(NOW)
    assert values(poll, layer="gpu0") == pytest.approx({
        "gpu_clock_hertz": 1.755e9, "gpu_temperature_celsius": 64, "gpu_power_watts": 512.25,
        "gpu_utilization_ratio": 0.87, "gpu_tensor_active_ratio": 0.31, "gpu_memory_used_bytes": 61440 * 2**20,
        "gpu_memory_utilization_ratio": 0.75, "gpu_xid": 79, "gpu_throttled_ratio": 0,
        "gpu_uncorrected_ecc_errors_total": 1, "gpu_corrected_ecc_errors_total": 12,
        "gpu_row_remap_failures_total": 0,
    })  # fmt: skip
    assert values(poll, layer="gpu1") == {"gpu_clock_hertz": 1.98e9, "gpu_throttled_ratio": 1}
    assert values(poll, layer="gpu1/mig7") == {
        "gpu_memory_used_bytes": 512 * 2**20, "gpu_memory_utilization_ratio": 0.05, "gpu_utilization_ratio": 0.25,
    }  # fmt: skip
    assert values(poll) == {"server_up": 1}
    assert poll.rejected == {"implausible": 2}
