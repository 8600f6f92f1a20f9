"""A user's regular expression with named groups."""

from __future__ import annotations

import re

from runvitals.sources.logfile.cells import to_time
from runvitals.sources.logfile.formats.line_format import VALUE, gather
from runvitals.sources.logfile.numbers import to_step
from runvitals.sources.logfile.reasons import Reason
from runvitals.sources.logfile.row import Rejected, Row

ROLES = frozenset({"step", "time", "rank", "run"})
"""Groups that say where a line belongs; every other group is a signal."""


class Pattern:
    """Lines in which the expression is found. Raises ValueError, with the remedy, for one that cannot be used."""

    name = "regular expression"
    words = ()

    def __init__(self, expression: str) -> None:
        try:
            self._expression = re.compile(expression)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{expression!r} is no regular expression: {error}") from None
        if not set(self._expression.groupindex) - ROLES:
            raise ValueError(f"{expression!r} names no signal; write one as a named group, such as (?P<loss>[0-9.]+)")

    def parse(self, line: str, rejected: Rejected) -> Row | None:
        """Return what the line says, or None."""
        match = self._expression.search(line)
        if match is None:
            return None
        groups = {name: text for name, text in match.groupdict().items() if text is not None}
        pairs = []
        for name in groups.keys() - ROLES:
            value = VALUE.match(groups[name])
            if value:
                pairs.append((name, value[1], value[2] or ""))
            else:
                rejected[Reason.NOT_A_NUMBER, name[:40]] += 1
        time, zoneless = to_time(groups.get("time"))
        values, step = gather(pairs, rejected), to_step(groups.get("step", ""))
        return Row(values, step, time, zoneless, groups.get("run", ""), groups.get("rank", ""))
