"""How many StatsD datagrams a second are taken before the first is lost, and what a line costs.

    python tests/benchmarks/statsd_throughput.py

Sender and source share the machine's cores, so the rates are lower bounds.
"""

from __future__ import annotations

import argparse
import itertools
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

from runvitals.sources.statsd import StatsdSettings, StatsdSource
from runvitals.sources.statsd.gauges import GaugeMemory
from runvitals.sources.statsd.lines import parse_line
from runvitals.sources.statsd.tick import Reading, Tick

LINES = [
    b"loss:2.503|g|#run:llama-pretrain,rank:3,step:%d",
    b"grad_norm:0.8312|g|#run:llama-pretrain,rank:3,layer:h.%d,step:17",
    b"requests:1|c|@0.1|#run:server-%d",
    b"step_time:312.5:%d|ms|#run:llama-pretrain,rank:3",
]
SENDER = """
import socket, sys, time
host, port, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect((host, port))
names = [b"loss", b"grad_norm", *(b"signal_%d" % number for number in range(8))]
start, sent = time.perf_counter(), 0
while (passed := time.perf_counter() - start) < seconds:
    while sent < rate * passed:
        name, value, step = names[sent % 10], 1000 + sent * 7919 % 997, sent // 10
        sender.send(b"%b:2.%d|g|#run:llama-pretrain,rank:3,step:%d" % (name, value, step))
        sent += 1
    time.sleep(0.001)
print(sent)
"""


def lines_per_cpu_second(count: int = 40_000) -> tuple[float, float]:
    """Return lines a second of CPU, parsed alone and taken to samples."""
    lines = [LINES[number % len(LINES)] % (number % 100) for number in range(count)]
    start = time.process_time()
    for line in lines:
        parse_line(line, 200)
    parsed = time.process_time()
    tick = Tick(Reading("r", "0", "by_dialect", 1e-3, 10 * count, 10_000, 200), GaugeMemory(10_000))
    for line in lines:
        tick.take_datagram(line, 0.0)
    tick.finish(1.0, 1.0)
    return count / (parsed - start), count / (time.process_time() - parsed)


def offered(rate: float, seconds: float) -> tuple[int, int, float]:
    """Send `rate` datagrams a second from another process; return the sent, the lost, and the source's CPU share."""
    settings = StatsdSettings(udp="127.0.0.1:0", max_lines=1_000_000)
    with closing(StatsdSource(settings)) as source:
        source.listen()
        host, _, port = str(source.udp_address).rpartition(":")
        command = [sys.executable, "-c", SENDER, host, port, str(rate), str(seconds)]
        sender = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        taken, used = _poll_while(source, sender)
        sent = int(sender.communicate(timeout=60)[0])
    return sent, sent - taken, used / seconds


def _poll_while(source: StatsdSource, sender: subprocess.Popen[str]) -> tuple[int, float]:
    taken, start = 0, time.thread_time()
    for ended in itertools.chain(iter(lambda: sender.poll() is not None, True), [True, True]):
        taken += len(source.poll(time.time()).items)
        del ended
    return taken, time.thread_time() - start


def idle_share(seconds: float = 3.0) -> float:
    """Return the CPU share of a source nobody sends to."""
    with closing(StatsdSource(StatsdSettings(udp="127.0.0.1:0"))) as source:
        start = time.thread_time()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            source.poll(time.time())
        return (time.thread_time() - start) / seconds


def flood_share(seconds: float = 3.0) -> float:
    """Return the CPU share of a source with default bounds while another thread sends without pause."""
    with closing(StatsdSource(StatsdSettings(udp="127.0.0.1:0"))) as source:
        source.listen()
        host, _, port = str(source.udp_address).rpartition(":")
        stop = threading.Event()
        sender = threading.Thread(target=_flood, args=((host, int(port)), stop))
        sender.start()
        start, end = time.thread_time(), time.monotonic() + seconds
        while time.monotonic() < end:
            source.poll(time.time())
        used = time.thread_time() - start
        stop.set()
        sender.join()
        return used / seconds


def _flood(address: tuple[str, int], stop: threading.Event) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while not stop.is_set():
            for _ in range(1000):
                sender.sendto(b"loss:2.503|g|#run:llama-pretrain,rank:3,step:17", address)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each rate is offered")
    seconds = parser.parse_args().seconds
    parsed, taken = lines_per_cpu_second()
    print(f"lines a second of CPU: {parsed:,.0f} parsed, {taken:,.0f} taken to samples")
    print(f"CPU with nobody sending: {idle_share():.2%} of a core")
    print(f"CPU under a flood, default bounds: {flood_share():.0%} of a core")
    best = 0.0
    for rate in (1_000, 5_000, 10_000, 20_000, 40_000, 80_000, 160_000):
        sent, lost, share = offered(rate, seconds)
        print(f"offered {rate:>7,}/s: sent {sent / seconds:>9,.0f}/s, lost {lost:,}, CPU {share:.1%} of a core")
        if lost:
            break
        best = sent / seconds
    print(f"datagrams a second without loss: {best:,.0f}")


if __name__ == "__main__":
    main()
