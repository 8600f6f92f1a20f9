"""The pass over /proc, and the trees made of it."""

import os

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvitals.sources.process.table import (
    PAGE_BYTES,
    Stat,
    children_by_parent,
    parse_stat,
    read_table,
    topmost,
)
from runvitals.sources.process.tree import grow_tree

LINE = (
    b"4242 (%s) S 17 4242 4242 0 -1 4194304 2100 3100 0 0 150 25 7 3 20 0 12 0 987654 "
    b"1073741824 2560 18446744073709551615 1 1 0 0 0 0 0 16781312 16386 0 0 0 17 1 0 0 0 0 0 0\n"
)


def process(pid: int, parent: int, state: str = "S") -> Stat:
    return Stat(pid, parent, state, 0, 1, 1000 + pid, 4096)


def table(*stats: Stat) -> dict[int, Stat]:
    return {stat.pid: stat for stat in stats}


@pytest.mark.parametrize("name", [b"python", b"tmux: server", b"a) R 1 (b", b"", b"\xff\n)"])
def test_a_stat_line_is_read_whatever_the_command_is_called(name):
    """Names with spaces, parentheses, line feeds and bytes that are no text do not shift the fields."""
    assert parse_stat(LINE % name) == Stat(4242, 17, "S", 185, 12, 987654, 2560 * PAGE_BYTES)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.binary(max_size=300))
def test_other_bytes_are_a_value_error(raw):
    """Whatever else is there is refused in one way, or read without a surprise."""
    try:
        parse_stat(raw)
    except ValueError:
        return


def test_the_table_agrees_with_psutil():
    """This process is in the table with the parent, threads and start that psutil finds."""
    own = read_table()[os.getpid()]
    process = psutil.Process()
    assert own.parent == process.ppid()
    assert own.threads == process.num_threads()
    assert own.rss_bytes == pytest.approx(process.memory_info().rss, rel=0.2)
    assert not own.ended


def test_a_missing_proc_is_an_error(tmp_path):
    """Without a /proc the source is down, not empty."""
    with pytest.raises(OSError, match="No such file"):
        read_table(str(tmp_path / "proc"))


def test_unreadable_entries_are_left_out(tmp_path):
    """A process that vanishes between listing and reading, or a strange file, costs only itself."""
    (tmp_path / "17").mkdir()
    (tmp_path / "18").mkdir()
    (tmp_path / "18" / "stat").write_bytes(b"nonsense")
    (tmp_path / "4242").mkdir()
    (tmp_path / "4242" / "stat").write_bytes(LINE % b"python")
    (tmp_path / "meminfo").write_text("")
    assert list(read_table(str(tmp_path))) == [4242]


def test_topmost_leaves_out_descendants():
    """Of a shell, the script it runs and the script's worker, the shell alone is the root."""
    processes = table(process(1, 0), process(10, 1), process(11, 10), process(12, 11), process(20, 1))
    assert topmost(processes, [12, 20, 10, 11, 99]) == [10, 20]


def test_a_cycle_of_parents_ends():
    """A table read while pids are used again may hold a cycle; it is walked once."""
    processes = table(process(1, 2), process(2, 1))
    assert topmost(processes, [1, 2]) == []
    assert len(grow_tree(processes, children_by_parent(processes), [1], (), 10).members) == 2


def test_a_tree_is_breadth_first_with_parents_and_root():
    """Every member knows its parent in the tree and the root it belongs to."""
    processes = table(process(10, 1), process(11, 10), process(12, 10), process(13, 11), process(50, 1))
    tree = grow_tree(processes, children_by_parent(processes), [10], (), 10)
    assert [(member.stat.pid, member.parent and member.parent.pid, member.root.pid) for member in tree.members] == [
        (10, None, 10),
        (11, 10, 10),
        (12, 10, 10),
        (13, 11, 10),
    ]


def test_another_target_is_left_out_with_its_children():
    """A rank that another rank has spawned is counted there alone."""
    processes = table(process(10, 1), process(11, 10), process(12, 11), process(13, 10))
    tree = grow_tree(processes, children_by_parent(processes), [10], [11], 10)
    assert [member.stat.pid for member in tree.members] == [10, 13]


def test_a_huge_tree_is_cut():
    """No more than the bound is walked, and that something was left out is told."""
    processes = table(process(10, 1), *[process(pid, 10) for pid in range(100, 400)])
    tree = grow_tree(processes, children_by_parent(processes), [10], (), 50)
    assert len(tree.members) == 50
    assert tree.left_out > 0
