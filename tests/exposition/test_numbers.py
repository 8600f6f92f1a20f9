"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest

from runvitals.exposition.numbers import duration, number, quantity, span


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1.23456, "1.235"),
        (51_063.2, "51,063"),
        (-12_345.0, "-12,345"),
        (4.953e6, "4.953e+06"),
        (None, "unknown"),
    ],
)
def test_a_number_has_four_digits_or_all_of_a_whole_one(value: float | None, shown: str) -> None:
    """What is not known is called so."""
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0123, "seconds", "12.3 ms"),
        (3e-5, "seconds", "30 µs"),
        (2.5, "seconds", "2.5 s"),
        (0.0, "seconds", "0 s"),
        (1.5e9, "bytes", "1.397 GiB"),
        (-2048.0, "bytes", "-2 KiB"),
        (1e18, "bytes", "909,495 TiB"),
        (12_345.0, "bytes per second", "12.06 KiB/s"),
        (1234.5, "tokens per second", "1234 tokens/s"),
        (3.0, "1", "3"),
        (55.0, "degrees Celsius", "55 °C"),
        (math.nan, "seconds", "NaN"),
        (-math.inf, "bytes", "-Inf"),
    ],
)
def test_a_quantity_has_the_unit_that_a_person_would_say(value: float, unit: str, shown: str) -> None:
    """Small times and large sizes in multiples; what is not finite as it is."""
    assert quantity(value, unit) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3.0, "0 s"), (42.4, "42 s"), (65.0, "1 min 5 s"), (7200.0, "2 h"), (90_000.0, "1 d 1 h"), (math.nan, "unknown")],
)
def test_a_duration_has_its_two_largest_units(seconds: float, shown: str) -> None:
    """And no second one that is nought."""
    assert duration(seconds) == shown


def test_an_end_of_a_range_may_be_open() -> None:
    """What is not known of a range is left out."""
    assert span(None, None) == "-"
    assert span(0.5, None) == "from 0.5"
    assert span(None, 3.0, " s") == "up to 3 s"
    assert span(1.0, 3.0) == "1 to 3"
