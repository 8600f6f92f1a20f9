"""Growth of a counter over a tree whose processes come and go."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runvitals.sources.process.increase import Total, TreeCounter
from runvitals.sources.process.table import ProcessId

ROOT, CHILD, GRANDCHILD, OTHER = (ProcessId(pid, 1) for pid in (10, 11, 12, 99))


def totals(root: float | None = None, child: float | None = None, grandchild: float | None = None):
    """Return the readings of a root, its child and its grandchild; None: not there."""
    found = {
        ROOT: (root, None),
        CHILD: (child, ROOT),
        GRANDCHILD: (grandchild, CHILD),
    }
    return {process: Total(value, parent, ROOT) for process, (value, parent) in found.items() if value is not None}


def increases(*readings) -> list[float | None]:
    counter = TreeCounter()
    return [counter.increase(reading) for reading in readings]


def test_the_first_reading_has_no_growth():
    """One reading is no rate: unknown, not 0."""
    assert increases(totals(100.0)) == [None]


def test_growth_is_summed_over_the_tree():
    """Root and child both count."""
    assert increases(totals(100.0, 10.0), totals(101.0, 13.0)) == [None, 4.0]


def test_a_new_child_counts_from_its_birth():
    """What a child has done by the time it is first seen, it has done since the last reading."""
    assert increases(totals(100.0), totals(100.0, 2.0)) == [None, 2.0]


def test_a_child_that_ends_is_not_counted_twice_nor_negative():
    """The parent inherits 50 of which all but 1 was counted while the child lived."""
    assert increases(totals(100.0, 49.0), totals(151.0)) == [None, 2.0]


def test_a_child_that_ends_unseen_counts_through_its_parent():
    """A child born and ended between two readings is in what its parent inherited."""
    assert increases(totals(100.0), totals(103.0)) == [None, 3.0]


def test_an_inheritance_that_arrives_a_reading_later_is_no_spike():
    """The end of a child may be seen before its parent has inherited."""
    assert increases(totals(100.0, 1000.0), totals(100.5), totals(1101.0), totals(1102.0)) == [None, 0.5, 0.5, 1.0]


def test_an_inheritance_that_never_arrives_is_no_fall():
    """A child nobody waits for, or that went away to another parent, takes nothing off."""
    assert increases(totals(100.0, 1000.0), totals(101.0), totals(102.0), totals(103.0)) == [None, 1.0, 1.0, 1.0]


def test_a_whole_branch_that_ends_is_inherited_by_who_lives():
    """Child and grandchild end together; the root inherits both."""
    assert increases(totals(100.0, 40.0, 9.0), totals(151.0)) == [None, 2.0]


def test_two_endings_in_a_row_are_told_apart():
    """One child's inheritance arrives while another's has yet to."""
    first, second = {CHILD: Total(100.0, ROOT, ROOT)}, {OTHER: Total(30.0, ROOT, ROOT)}
    readings = [{**totals(0.0), **first, **second}, {**totals(0.0), **second}, totals(101.0), totals(132.0)]
    assert increases(*readings) == [None, 0.0, 1.0, 1.0]


def test_a_restarted_root_has_no_rate_across_the_border():
    """The same pid with another start is another process."""
    again = {ProcessId(10, 2): Total(5.0, None, ProcessId(10, 2))}
    later = {ProcessId(10, 2): Total(6.0, None, ProcessId(10, 2))}
    assert increases(totals(100.0), again, later) == [None, None, 1.0]


def test_a_second_root_joins_without_a_jump():
    """A new root's past is not growth; the known root's growth is kept."""
    joined = {**totals(101.0), OTHER: Total(5000.0, None, OTHER)}
    assert increases(totals(100.0), joined) == [None, 1.0]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.lists(st.dictionaries(st.sampled_from(["root", "child", "grandchild"]), st.floats(0, 1e9)), max_size=20))
def test_growth_is_never_negative(readings):
    """Whatever comes and goes, and even if a counter falls."""
    for grown in increases(*[totals(**reading) for reading in readings]):
        assert grown is None or grown >= 0.0
