"""What one poll of a server's page costs, beside the parser of prometheus_client on the same text.

    python tests/benchmarks/prometheus_page_cost.py [PAGE…]

Without pages: that of a busy vLLM as the tests have it, with 50 models, and 50,000 lines that nobody wants, and that
are all wanted. CPU time of the polling thread, HTTP included; the first poll learns the names.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.sources.prometheus.page_server import NOW, make_source, serving

VLLM = Path(__file__).parents[1] / "sources" / "prometheus" / "pages" / "vllm-v1_after.prom"


def pages() -> dict[str, str]:
    """Return the pages by what they are."""
    if sys.argv[1:]:
        return {name: Path(name).read_text() for name in sys.argv[1:]}
    vllm = VLLM.read_text()
    bucket = 'vllm:e2e_request_latency_seconds_bucket{{le="{}",model_name="m{}"}} 5\n'
    return {
        "vLLM": vllm,
        "vLLM, 50 models": "".join(vllm.replace("llama-8b", f"model-{number}") for number in range(50)),
        "50,000 lines, none wanted": "".join(f'metric_{one % 300}{{a="{one}"}} {one}\n' for one in range(50_000)),
        "50,000 lines, all wanted": "".join(bucket.format(one % 50, one // 50) for one in range(50_000)),
    }


def milliseconds(work: Callable[[], object]) -> float:
    """Return the CPU time of this thread that some work takes."""
    started = time.thread_time()
    work()
    return (time.thread_time() - started) * 1e3


def main() -> None:
    """Print a line for each page."""
    print(f"{'page':28} {'lines':>7} {'first poll':>11} {'poll':>9} {'prometheus_client':>18}")
    for name, text in pages().items():
        with serving(text) as server:
            source = make_source(server.url, timeout=60.0)
            first = milliseconds(lambda source=source: source.poll(NOW))
            later = min(milliseconds(lambda source=source: source.poll(NOW)) for _ in range(3))
        library = milliseconds(lambda text=text: list(text_string_to_metric_families(text)))
        print(f"{name:28} {text.count(chr(10)):7} {first:8.1f} ms {later:6.1f} ms {library:15.1f} ms")


if __name__ == "__main__":
    main()
