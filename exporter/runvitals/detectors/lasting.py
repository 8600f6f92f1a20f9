"""How long something has been so, in steps, however rarely it is logged."""

from __future__ import annotations

import msgspec

from runvitals.values import Sample


class Since(msgspec.Struct):
    """The observation from which on it has been so without a break."""

    step: int | None
    count: int = 0


class Lasting(msgspec.Struct):
    """For each place (a layer, a signal) since when it has been so.

    A single odd batch must not count, and a layer that is logged every tenth step must not wait ten times as long: what
    has lasted `steps` steps has lasted. Where no steps are logged, observations count as steps.
    """

    since: dict[str, Since] = {}

    def observe(self, place: str, sample: Sample, *, holds: bool) -> float:
        """Take the next observation; return over how many steps it has been so, 0 where it is not or is for once."""
        if not holds:
            self.since.pop(place, None)
            return 0.0
        since = self.since.get(place)
        if since is None:
            since = self.since[place] = Since(sample.step)
        since.count += 1
        observations = since.count - 1
        if sample.step is None or since.step is None:
            return float(observations)
        return float(max(sample.step - since.step, observations))

    def forget(self) -> None:
        """Begin anew."""
        self.since = {}
