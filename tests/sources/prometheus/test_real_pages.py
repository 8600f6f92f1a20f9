"""Pages of real servers over a real socket, signal by signal.

The page before is the same with nothing counted yet, so that what was counted in the 20 s between is what stands on
the page. All expected values are worked out by hand from the page.
"""

import pytest

from runvitals.sources.prometheus.settings import MetricSettings
from tests.sources.prometheus.page_server import NOW, make_source, serving, two_polls, values, zeroed
from tests.test_replay import DATA

PAGES = DATA / "model_servers"
pytestmark = pytest.mark.skipif(not PAGES.exists(), reason=f"the recorded pages are not at {PAGES}")


def poll_of(name, **settings):
    page = (PAGES / f"{name}.prom").read_text()
    return two_polls(zeroed(page), page, **settings)


def test_vllm_v0():
    """Old names, no engine label: one request of 5 prompt tokens and 7 others."""
    poll = poll_of("vllm-0.4-0.5_2024-06_v0-engine")
    assert values(poll, "facebook/opt-125m") == pytest.approx({
        "request_seconds": 0.5034303665161133,
        "request_p50_seconds": 0.5,
        "request_p99_seconds": 0.99,
        "time_to_first_token_seconds": 0.31326723098754883,
        "time_to_first_token_p50_seconds": 0.25 + 0.25 * 0.5,
        "time_to_first_token_p99_seconds": 0.25 + 0.25 * 0.99,
        "time_per_output_token_seconds": 0.19016313552856445 / 6,
        "time_per_output_token_p50_seconds": 0.025 + 0.025 * 0.5,
        "time_per_output_token_p99_seconds": 0.025 + 0.025 * 0.99,
        "requests_running": 0, "requests_waiting": 0, "requests_per_second": 1 / 20,
        "kv_cache_utilization_ratio": 0, "preemptions_per_second": 0,
        "prompt_tokens_per_second": 5 / 20, "output_tokens_per_second": 7 / 20, "server_up": 1,
    })  # fmt: skip
    assert poll.rejected == {}
    assert not any(poll.available[name] for name in ("error_ratio", "failed_requests_per_second", "queue_seconds"))


def test_vllm_v1_idle():
    """A server that has nothing to do: rates are 0, latencies are unknown and not 0, and both are published."""
    poll = poll_of("vllm-v1_2026_idle")
    assert values(poll, "lab") == {
        "requests_running": 0, "requests_waiting": 0, "requests_per_second": 0, "aborted_requests_per_second": 0,
        "failed_requests_per_second": 0, "kv_cache_utilization_ratio": 0, "preemptions_per_second": 0,
        "prompt_tokens_per_second": 0, "output_tokens_per_second": 0, "server_up": 1,
    }  # fmt: skip
    assert {name for name, there in poll.available.items() if not there} == {
        "batch_utilization_ratio", "replicas_healthy",
    }  # fmt: skip
    assert poll.rejected == {}


def test_vllm_with_headers_alone():
    """A page of families without samples is known for vLLM's, and publishes nothing."""
    poll = poll_of("vllm-0.5.4_2024-10_headers-only")
    assert values(poll) == {"server_up": 1}
    assert not poll.error
    assert "requests_running" in poll.available
    assert not any(poll.available.values())


def test_nim():
    """vLLM's metrics without a prefix, and NIM's own counters of failures."""
    poll = poll_of("nvidia-nim_2024")
    assert values(poll, "meta/llama-3.1-8b-instruct") == pytest.approx({
        "request_seconds": 2.4688401222229004 / 5, "request_p50_seconds": 0.5, "request_p99_seconds": 0.99,
        "time_to_first_token_seconds": 0.6119842529296875 / 5,
        "time_to_first_token_p50_seconds": 0.02 + 0.02 * 0.25,
        "time_to_first_token_p99_seconds": 0.5 + 0.25 * 0.95,
        "time_per_output_token_seconds": 1.856855869293213 / 169,
        "time_per_output_token_p50_seconds": 0.01 + 0.015 * 84.5 / 168,
        "time_per_output_token_p99_seconds": 0.01 + 0.015 * 167.31 / 168,
        "requests_running": 1, "requests_waiting": 0, "batch_utilization_ratio": 1 / 64,
        "kv_cache_utilization_ratio": 0.0002848191398461977,
        "requests_per_second": 5 / 20, "failed_requests_per_second": 0, "error_ratio": 0,
        "prompt_tokens_per_second": 109 / 20, "output_tokens_per_second": 174 / 20, "server_up": 1,
    })  # fmt: skip


def test_sglang():
    """Most requests are beyond the last bound: their quantile is that bound, as in PromQL."""
    poll = poll_of("sglang-0.4_docs-2025")
    assert values(poll, "meta-llama/Llama-3.1-8B-Instruct") == pytest.approx({
        "request_seconds": 3.116093850019932e06 / 11228, "request_p50_seconds": 60, "request_p99_seconds": 60,
        "time_to_first_token_seconds": 2.3518979474117756e06 / 11008,
        "time_to_first_token_p50_seconds": 30, "time_to_first_token_p99_seconds": 30,
        "time_per_output_token_seconds": 866964.5791549598 / 7400757,
        "time_per_output_token_p50_seconds": 0.075 + 0.025 * (3700378.5 - 433413) / (4950195 - 433413),
        "time_per_output_token_p99_seconds": 0.5 + 0.25 * (7326749.43 - 7312226) / (7339675 - 7312226),
        "requests_running": 162, "requests_waiting": 2826, "kv_cache_utilization_ratio": 0.28,
        "prefix_cache_hit_ratio": 0.007507552643049313,
        "prompt_tokens_per_second": 8128902 / 20, "output_tokens_per_second": 7557572 / 20, "server_up": 1,
    })  # fmt: skip


def test_sglang_prototype():
    """The first version named the model in `name`, and its hit rate was a percentage."""
    poll = poll_of("sglang-prototype_2024-09")
    assert values(poll, "google/gemma-2-9b-it") == pytest.approx({
        "requests_running": 0, "requests_waiting": 0, "kv_cache_utilization_ratio": 0,
        "prefix_cache_hit_ratio": 0.8758777633289988, "output_tokens_per_second": 0, "server_up": 1,
    })  # fmt: skip


def test_sglang_05_with_a_line_that_is_none():
    """A shell command above the page is counted, and the page read."""
    poll = poll_of("sglang-0.5.1_2025-11.broken")
    assert values(poll, "Qwen-32B") == pytest.approx({
        "requests_running": 1, "kv_cache_utilization_ratio": 0, "output_tokens_per_second": 0.8371284457403783,
        "server_up": 1,
    })  # fmt: skip
    assert poll.rejected == {"malformed_line": 1}


def test_triton_with_summaries():
    """Each model is a run; means come from the summary, its quantiles are the server's; the GPU is a layer."""
    poll = poll_of("triton-2023_datadog")
    assert values(poll, "densenet_onnx") == pytest.approx({
        "request_seconds": 1.327965 / 3, "request_p50_seconds": 3e-6, "request_p99_seconds": 3e-6,
        "queue_seconds": 145e-6 / 3, "queue_p50_seconds": 3e-6, "queue_p99_seconds": 3e-6,
        "requests_waiting": 0, "requests_per_second": 3 / 20, "failed_requests_per_second": 0, "error_ratio": 0,
        "server_up": 1,
    })  # fmt: skip
    assert len({item.run for item in poll.items}) == 1 + 8
    [gpu] = {item.run for item in poll.items if item.layer}
    assert values(poll, gpu, "gpu0") == pytest.approx({
        "gpu_utilization_ratio": 0, "gpu_memory_used_bytes": 266338304,
        "gpu_memory_utilization_ratio": 266338304 / 16106127360, "gpu_power_watts": 32.09, "gpu_power_limit_watts": 70,
    })  # fmt: skip


def test_triton_with_tensorrt_llm():
    """What a gauge means is in its label; the time stamp among them is no signal."""
    assert values(poll_of("triton-trtllm-23.11_inflight"), "tensorrt_llm") == pytest.approx({
        "requests_running": 1, "batch_utilization_ratio": 1 / 512, "kv_cache_utilization_ratio": 1 / 6239,
        "server_up": 1,
    })  # fmt: skip


def test_triton_readme():
    """An ellipsis is counted, the rest read."""
    poll = poll_of("triton-backend-readme_2021.broken")
    assert values(poll, "batching") == pytest.approx({
        "requests_per_second": 0.1, "failed_requests_per_second": 0, "error_ratio": 0, "server_up": 1,
    })  # fmt: skip
    assert poll.rejected == {"malformed_line": 1}


def test_torchserve():
    """Microseconds become seconds; the counters of the whole host are the address's run."""
    poll = poll_of("torchserve-0.8_2023-06")
    assert values(poll, "linear_regression_1_1") == pytest.approx({
        "request_seconds": 9.136028087 / 11, "queue_seconds": 9.043769588 / 11, "requests_per_second": 11 / 20,
        "server_up": 1,
    })  # fmt: skip
    [host] = {item.run for item in poll.items if item.run.startswith("127.")}
    assert values(poll, host) == pytest.approx({
        "queue_seconds": 0, "requests_per_second": 58 / 20, "failed_requests_per_second": 0, "error_ratio": 0,
    })  # fmt: skip


def test_torchserve_07():
    """Labels with a comma at their end are read."""
    assert values(poll_of("torchserve-0.7_2023-05_uuid-labels"), "model") == pytest.approx({
        "request_seconds": 2.362372317, "queue_seconds": 178.773e-6, "requests_per_second": 1 / 20, "server_up": 1,
    })  # fmt: skip


def test_tensorflow_serving_without_requests():
    """Names that begin with a colon are known; a server that served nothing publishes nothing."""
    poll = poll_of("tfserving-1.x_2018-11")
    assert values(poll) == {"server_up": 1}
    assert not poll.error
    assert not any(poll.available.values())


def test_kserve():
    """Three predictions of two seconds."""
    assert values(poll_of("kserve-0.9_2022-12"), "custom-server-test") == pytest.approx({
        "request_seconds": 6.006712835282087 / 3, "request_p50_seconds": 1 + 1.5 * 0.5,
        "request_p99_seconds": 1 + 1.5 * 0.99, "requests_per_second": 3 / 20, "server_up": 1,
    })  # fmt: skip


def test_ray_serve():
    """Each application is a run; requests that failed with 5xx are errors, milliseconds become seconds."""
    poll = poll_of("ray-2.6_2023-08_head_serve")
    assert values(poll, "hello") == pytest.approx({
        "request_seconds": 26.624294281005856 / 474,
        "request_p50_seconds": 0.010 + 0.010 * (237 - 17) / 247,
        "request_p99_seconds": 0.500 + 0.500 * (469.26 - 462) / 8,
        "requests_running": 0, "requests_waiting": 0, "requests_per_second": 474 / 20,
        "failed_requests_per_second": 0, "error_ratio": 0, "replicas_healthy": 2, "server_up": 1,
    })  # fmt: skip
    assert values(poll, "add") == pytest.approx({
        "request_seconds": (8.765988826751709 + 7.636934280395507) / 252,
        "request_p50_seconds": 0.020 + 0.030 * (126 - 70) / 141,
        "request_p99_seconds": 0.500 + 0.500 * (249.48 - 246) / 4,
        "requests_running": 0, "requests_waiting": 0, "requests_per_second": 252 / 20,
        "failed_requests_per_second": 123 / 20, "error_ratio": 123 / 252, "replicas_healthy": 2, "server_up": 1,
    })  # fmt: skip


def test_llamacpp():
    """No labels at all: the run is the address. It publishes neither latency nor errors, and says so."""
    poll = poll_of("llamacpp-server_2025-a")
    assert values(poll) == pytest.approx({
        "time_per_output_token_seconds": 41.827 / 1406, "requests_running": 0, "requests_waiting": 0,
        "prompt_tokens_per_second": 18292 / 20, "output_tokens_per_second": 1406 / 20, "server_up": 1,
    })  # fmt: skip
    assert not any(poll.available[name] for name in ("request_seconds", "error_ratio", "kv_cache_utilization_ratio"))


def test_tgi_of_ibm():
    """A page that was cut: what is whole is read."""
    assert values(poll_of("tgis-ibm-vllm_2024-04_partial")) == {
        "requests_running": 0, "requests_waiting": 0, "server_up": 1,
    }  # fmt: skip


def test_dcgm():
    """Megahertz, MiB and per cent become base units; a GPU is a layer."""
    poll = poll_of("dcgm-exporter_T4_driver460", run="node")
    assert values(poll, "node", "gpu0") == pytest.approx({
        "gpu_utilization_ratio": 0, "gpu_memory_used_bytes": 0, "gpu_memory_utilization_ratio": 0,
        "gpu_temperature_celsius": 25, "gpu_power_watts": 8.969, "gpu_power_limit_watts": 70,
        "gpu_clock_hertz": 300e6, "gpu_throttled_ratio": 0, "gpu_xid": 0,
    })  # fmt: skip


def test_dcgm_readme_has_marks_for_no_value():
    """9223372036854775794 degrees are no temperature: counted, unknown. Ellipses are counted too."""
    page = (PAGES / "dcgm-exporter-2.3.5_readme.broken.prom").read_text()
    with serving(page) as server:
        poll = make_source(server.url).poll(NOW)
    assert values(poll, layer="gpu0") == {"gpu_clock_hertz": 139e6}
    assert poll.rejected == {"implausible": 1, "malformed_line": 2}
    assert poll.available["gpu_memory_temperature_celsius"] is False


def test_a_server_that_is_not_known_says_what_to_do():
    """AWS Neuron's exporter is no model server: it is up, and the source asks for metrics to watch."""
    poll = poll_of("aws-neuron-monitor_2024")
    assert values(poll) == {"server_up": 1}
    assert "name what to watch under `metrics:`" in poll.error


def test_an_unknown_server_by_pattern():
    """Neuron cores picked by a pattern, with type, unit, labels and layer."""
    median = MetricSettings(
        match="execution_latency_seconds", type="gauge", unit="seconds", signal="request_p50_seconds",
        labels={"percentile": "p50"}, combine="max",
    )  # fmt: skip
    cores = MetricSettings(match="neuroncore_.*_ratio", type="gauge", unit="ratio", layer="neuroncore")
    page = (PAGES / "aws-neuron-monitor_2024.prom").read_text()
    with serving(page) as server:
        poll = make_source(server.url, run="neuron", metrics=(median, cores)).poll(NOW)
    assert not poll.error
    assert values(poll, "neuron") == {"request_p50_seconds": 0.007897615432739258, "server_up": 1}
    assert values(poll, "neuron", "1") == {"neuroncore_utilization_ratio": 0.0031171891334815026 / 4}


def test_json_is_the_wrong_page_and_not_a_dead_server():
    """trtllm-serve's /metrics is JSON: the server is up, the source says where to look."""
    poll = poll_of("trtllm-serve-0.19_docs-json.broken")
    assert values(poll) == {"server_up": 1}
    assert "/prometheus/metrics" in poll.error
