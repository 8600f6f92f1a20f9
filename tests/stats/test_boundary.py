"""The nearest number at which an answer changes."""

import pytest

from runvitals.stats.boundary import boundary


@pytest.mark.parametrize(("threshold", "scale"), [(7.25, 1.0), (1e-3, 1.0), (1e6, 0.01), (3.0, 1e-5)])
def test_the_boundary_is_found_from_both_sides(threshold, scale):
    """To five digits, whatever the scale that it is looked for with."""
    assert boundary(lambda value: value >= threshold, 0.0, scale, 1) == pytest.approx(threshold, rel=1e-4)
    assert boundary(lambda value: value <= -threshold, 0.0, scale, -1) == pytest.approx(-threshold, rel=1e-4)


def test_what_is_returned_holds():
    """The number itself gets a yes: it is a value that does it, not one that nearly does."""
    found = boundary(lambda value: value > 2.0, 1.0, 1.0, 1)
    assert 2.0 < found < 2.0001


def test_where_nothing_holds_there_is_no_boundary():
    """Neither is the search endless where the numbers become infinite."""
    assert boundary(lambda _: False, 0.0, 1.0, 1) is None
    assert boundary(lambda _: False, 1e308, 1e307, -1) is None
