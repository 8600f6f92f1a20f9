"""/proc/net/dev."""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvitals.sources.process.network import Traffic, increase, parse_net_dev, read_traffic

TEXT = """Inter-|   Receive                  |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
    lo: 5210300 225 0 0 0 0 0 0 5210300 225 0 0 0 0 0 0
  eth0:615301043 14732 0 0 0 0 0 0 838259 9722 0 0 0 0 0 0
eth0:1: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
"""


def test_interfaces_are_read_without_the_loopback():
    """Bytes received and sent; a number may touch the colon, and a name hold one."""
    assert parse_net_dev(TEXT) == {"eth0": Traffic(615301043, 838259), "eth0:1": Traffic(10, 20)}


def test_the_real_file_is_read():
    """This process's own namespace can be read, and has no loopback in it."""
    assert "lo" not in read_traffic(os.getpid())


def test_growth_over_interfaces_that_come_go_and_reset():
    """A new interface has no growth yet, a lost one none any more, a reset one counts from its reset."""
    before = {"eth0": Traffic(100, 10), "eth1": Traffic(1000, 1000), "gone": Traffic(7, 7)}
    after = {"eth0": Traffic(150, 10), "eth1": Traffic(5, 1001), "new": Traffic(9999, 9999)}
    assert increase(before, after) == Traffic(55, 1)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.text())
def test_any_text_is_read(text):
    """Nonsense has no interfaces, or some with counts that are not negative."""
    assert all(traffic.received >= 0 and traffic.sent >= 0 for traffic in parse_net_dev(text).values())
