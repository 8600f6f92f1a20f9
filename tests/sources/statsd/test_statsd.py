"""The StatsD source on real sockets."""

import socket
import stat
import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from runvitals.sources.statsd import StatsdSettings, StatsdSource

NOW = 1_700_000_000.0


def settings(**changes) -> StatsdSettings:
    return StatsdSettings(**{"udp": "127.0.0.1:0", "interval": 0.2, "rank": "0", **changes})


@pytest.fixture
def source():
    with closing(StatsdSource(settings())) as opened:
        opened.listen()
        yield opened


def udp_sender(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    sender = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((host.strip("[]"), int(port)))
    return sender


def send(address: str, *payloads: bytes) -> None:
    with udp_sender(address) as sender:
        for payload in payloads:
            sender.send(payload)


def send_unix(path: Path, *payloads: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        for payload in payloads:
            sender.send(payload)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_udp_datagrams_become_samples(source):
    """What was sent before the poll is read in it, with run, rank, layer and step from the tags."""
    send(source.udp_address, b"train.loss:2.5|g|#run:llama,rank:3,layer:h.3,step:17\nrequests:4|c", b"load:20|ms")
    poll = source.poll(NOW)
    gauge = poll.items[0]
    assert (gauge.run, gauge.rank, gauge.signal, gauge.layer, gauge.step, gauge.value) == (
        "llama",
        "3",
        "loss",
        "h.3",
        17,
        2.5,
    )
    assert {item.signal for item in poll.items} == {
        "loss",
        "requests_per_second",
        "load_mean_seconds",
        "load_p99_seconds",
    }
    assert all(NOW <= item.time < NOW + 60 for item in poll.items)
    assert poll.rejected == {}


def test_datagrams_that_arrive_while_it_listens_are_in_the_same_poll():
    """The poll listens until its interval is over."""
    with closing(StatsdSource(settings(interval=1.0))) as source:
        source.listen()
        late = threading.Timer(0.2, send, (source.udp_address, b"x:1|g"))
        late.start()
        poll = source.poll(NOW)
        late.join()
    assert [item.value for item in poll.items] == [1.0]
    assert poll.items[0].time >= NOW + 0.1


def test_unix_datagrams_become_samples(tmp_path):
    """The Unix socket is read like the UDP one, has the mode that was set, and is gone after close."""
    path = tmp_path / "statsd.sock"
    with closing(StatsdSource(settings(udp="", unix=str(path), unix_mode="0622"))) as source:
        source.listen()
        assert stat.S_IMODE(path.stat().st_mode) == 0o622
        assert source.unix_path == str(path)
        send_unix(path, b"loss:1|g")
        assert [item.signal for item in source.poll(NOW).items] == ["loss"]
    assert not path.exists()


def test_ipv6_is_listened_on():
    """An IPv6 address in brackets works, and is shown in brackets."""
    with closing(StatsdSource(settings(udp="[::1]:0"))) as source:
        try:
            source.listen()
        except OSError as error:
            pytest.skip(f"no IPv6 loopback here: {error}")
        assert source.udp_address.startswith("[::1]:")
        send(source.udp_address, b"loss:1|g")
        assert len(source.poll(NOW).items) == 1


def test_a_port_in_use_is_down_with_a_remedy_and_tried_again():
    """The error names the address and what to do; once the port is free the same source works."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        source = StatsdSource(settings(udp=address))
        for _ in range(2):
            with pytest.raises(OSError, match=f"{address}: another program has this port; stop it, or .* `udp`"):
                source.poll(NOW)
    with closing(source):
        source.listen()
        send(address, b"loss:1|g")
        assert len(source.poll(NOW).items) == 1


def test_one_address_that_fails_does_not_silence_the_other(tmp_path):
    """With the UDP port taken the Unix socket goes on, and the loss is counted at every poll."""
    path = tmp_path / "statsd.sock"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with closing(StatsdSource(settings(udp=address, unix=str(path)))) as source:
            source.listen()
            send_unix(path, b"loss:1|g")
            poll = source.poll(NOW)
            assert len(poll.items) == 1
            assert poll.rejected == {"udp_not_listening": 1}
            holder.close()
            assert source.poll(NOW).rejected == {}
            assert source.udp_address == address


def test_a_stale_unix_socket_is_replaced(tmp_path):
    """A socket file left by a killed sidecar does not keep the next one from starting."""
    path = tmp_path / "statsd.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(path))
    with closing(StatsdSource(settings(udp="", unix=str(path)))) as source:
        source.listen()
        send_unix(path, b"loss:1|g")
        assert len(source.poll(NOW).items) == 1


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_unix_socket_somebody_listens_on_is_left_alone(tmp_path, kind):
    """A second sidecar does not steal the first one's socket, nor a stranger's."""
    path = tmp_path / "statsd.sock"
    with socket.socket(socket.AF_UNIX, kind) as other:
        other.bind(str(path))
        if kind == socket.SOCK_STREAM:
            other.listen()
        with (
            closing(StatsdSource(settings(udp="", unix=str(path)))) as source,
            pytest.raises(OSError, match=r"statsd.sock: another program listens there"),
        ):
            source.poll(NOW)
        assert path.is_socket()


def test_a_file_or_a_link_in_the_way_is_left_alone(tmp_path):
    """Whatever has the path and is no socket is not removed, a link not followed."""
    path = tmp_path / "statsd.sock"
    path.write_text("precious")
    link = tmp_path / "link.sock"
    link.symlink_to(path)
    for where in (path, link):
        with (
            closing(StatsdSource(settings(udp="", unix=str(where)))) as source,
            pytest.raises(OSError, match="something that is no socket"),
        ):
            source.poll(NOW)
    assert path.read_text() == "precious"
    assert link.is_symlink()


def test_close_leaves_a_socket_that_has_taken_its_place(tmp_path):
    """A path that by now belongs to another socket is not removed."""
    path = tmp_path / "statsd.sock"
    source = StatsdSource(settings(udp="", unix=str(path)))
    source.listen()
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        source.close()
        assert path.is_socket()


def test_close_ends_a_poll_and_gives_everything_back(tmp_path):
    """A poll that listens for a minute ends at once, later polls are empty, and no descriptor stays open."""
    before = open_descriptors()
    source = StatsdSource(settings(interval=60.0, unix=str(tmp_path / "s.sock")))
    source.listen()
    polls = []
    thread = threading.Thread(target=lambda: polls.append(source.poll(NOW)))
    thread.start()
    time.sleep(0.05)
    source.close()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert [poll.items for poll in polls] == [[]]
    assert source.poll(NOW).items == []
    source.close()
    assert open_descriptors() == before


def test_oversized_datagrams_are_counted_and_dropped():
    """A datagram larger than the bound is not half read."""
    with closing(StatsdSource(settings(max_datagram_bytes=100))) as source:
        source.listen()
        send(source.udp_address, b"x:1|g\n" * 50, b"x:2|g", b"y:3|g" + b" " * 95)
        poll = source.poll(NOW)
    assert [item.value for item in poll.items] == [2.0, 3.0]
    assert poll.rejected == {"datagram_too_large": 1}


def test_garbage_is_counted_by_reason(source):
    """Hostile datagrams cost nothing but a count, and the values among them are kept."""
    send(
        source.udp_address,
        b"",
        b"garbage",
        bytes(range(256)),
        b"x:1|g|#run:" + b"a" * 5000,
        b"y:1|g|#run:two\tparts\xff",
        b"u:1|s",
        b"_e{1,1}:a|b",
        b"_sc|x|0",
    )
    poll = source.poll(NOW)
    assert [item.run for item in poll.items] == ["a" * 200, "two\ufffdparts\ufffd"]
    assert poll.rejected["label_cut"] == 1
    assert poll.rejected["label_replaced"] == 1
    assert poll.rejected["set"] == poll.rejected["event"] == poll.rejected["service_check"] == 1
    assert poll.rejected["malformed"] >= 3


def test_what_the_kernel_drops_is_counted():
    """A buffer too small for what is sent loses datagrams: values taken and datagrams dropped add up to those sent."""
    with closing(StatsdSource(settings(receive_buffer_bytes=4096))) as source:
        source.listen()
        send(source.udp_address, *[b"x:1|g"] * 500)
        first = source.poll(NOW)
        send(source.udp_address, b"x:1|g")  # the kernel tells of drops with the next datagram
        second = source.poll(NOW)
    taken = len(first.items) + len(second.items)
    dropped = first.rejected.get("kernel_drop", 0) + second.rejected.get("kernel_drop", 0)
    assert dropped > 0
    assert taken + dropped == 501


def test_a_flood_is_bounded_and_the_next_tick_works():
    """Beyond the bound on lines nothing is parsed in this tick; the source is not blinded for the next."""
    with closing(StatsdSource(settings(max_lines=100))) as source:
        source.listen()
        send(source.udp_address, *[b"x:1|g"] * 300)
        assert len(source.poll(NOW).items) == 100
        assert len(source.poll(NOW).items) == 100


def test_a_unix_flood_is_drained_so_that_no_sender_waits(tmp_path):
    """Senders on the Unix socket block when nobody reads, so lines beyond the bound are read and counted."""
    path = tmp_path / "s.sock"
    with closing(StatsdSource(settings(udp="", unix=str(path), max_lines=100, interval=5.0))) as source:
        source.listen()
        polls = []
        thread = threading.Thread(target=lambda: polls.append(source.poll(NOW)))
        thread.start()
        send_unix(path, *[b"x:1|g"] * 2000)
        source.close()
        thread.join(timeout=30)
    assert len(polls[0].items) == 100
    assert polls[0].rejected["too_many_lines"] > 1000


def test_a_rate_covers_the_time_since_the_last_poll():
    """Counts that wait in the socket between two polls are divided by the whole time, not by the tick alone."""
    clock = {"now": 100.0}

    def ticking() -> float:
        clock["now"] += 0.01
        return clock["now"]

    with closing(StatsdSource(settings(interval=0.1), clock=ticking)) as source:
        source.listen()
        clock["now"] += 10.0
        send(source.udp_address, *[b"n:1|c"] * 100)
        (rate,) = source.poll(NOW).items
    assert 9.0 < rate.value < 10.0


def test_there_is_no_position_to_restore(source):
    """Only None is a position of this source."""
    source.restore(source.poll(NOW).position)
    with pytest.raises(ValueError, match="no position"):
        source.restore({"offset": 3})


def test_rank_defaults_to_the_replica(monkeypatch):
    """Without a tag and a setting the rank is $RUNVITALS_RANK, else the host name."""
    for value, rank in (("replica-7", "replica-7"), ("", socket.gethostname())):
        monkeypatch.setenv("RUNVITALS_RANK", value)
        with closing(StatsdSource(settings(rank=None))) as source:
            source.listen()
            send(source.udp_address, b"x:1|g")
            assert source.poll(NOW).items[0].rank == rank


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"udp": "8125"}, "write host:port"),
        ({"udp": "::1:8125"}, "write host:port"),
        ({"udp": "127.0.0.1:70000"}, "between 0 and 65535"),
        ({"udp": "", "unix": ""}, "give at least one"),
        ({"unix": "/" + "x" * 200}, "at most 107 bytes"),
        ({"unix_mode": "rw-rw----"}, 'for example "0660"'),
        ({"interval": 0.0}, "between 0.1 and 60"),
        ({"interval": float("nan")}, "between 0.1 and 60"),
        ({"max_lines": 0}, "max_lines is 0"),
        ({"max_label_characters": 10**6}, "between 1 and 1024"),
        ({"run": ""}, "must not be empty"),
    ],
)
def test_impossible_settings_are_refused_with_a_remedy(changes, message):
    """What a type cannot say is checked where the settings are made."""
    with pytest.raises(ValueError, match=message):
        settings(**changes)


def test_settings_decode_strictly():
    """The kind is the tag, defaults need nothing else, and an unknown key is an error."""
    assert msgspec.convert({"kind": "statsd"}, StatsdSettings).udp == "127.0.0.1:8125"
    with pytest.raises(msgspec.ValidationError, match="unknown field `upd`"):
        msgspec.convert({"kind": "statsd", "upd": "127.0.0.1:1"}, StatsdSettings)
    with pytest.raises(msgspec.ValidationError, match="write host:port"):
        msgspec.convert({"kind": "statsd", "udp": "nowhere"}, StatsdSettings)
