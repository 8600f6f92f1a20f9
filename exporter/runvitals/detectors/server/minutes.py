"""The newest five minutes of a server's signal beside the day before them."""

from __future__ import annotations

from runvitals.detectors.course import Course
from runvitals.stats import order

NEWEST = 5
"""Minutes that are judged together."""

DAY = 288
"""The past is kept in medians of five minutes: a day of them."""

HOUR = 12
"""So many are needed before anything is said to be unusual."""


def minutes() -> Course:
    """Return an empty course of minutes, compared with up to a day."""
    return Course.of(seconds=60.0, keep=NEWEST, size=DAY, group=NEWEST)


def is_known(course: Course | None) -> bool:
    """Return whether there are five minutes and an hour before them."""
    return course is not None and course.is_full and len(course.past) >= HOUR


def newest(course: Course | None) -> float | None:
    """Return the median of the newest minutes; None without any."""
    return order.median(sorted(course.recent)) if course is not None and course.recent else None


def usual_high(course: Course) -> float:
    """Return what the past has reached now and then: its 98th percentile."""
    return course.past.quantile(0.98) or 0.0
