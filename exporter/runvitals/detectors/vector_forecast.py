"""The explosion probability at horizon 1, of a run that compares the gradients themselves."""

from __future__ import annotations

import msgspec

from runvitals.detectors.explosion_probability import ExplosionProbability

STALE_STEPS = 256
"""Steps without a comparison after which norms are all there is; hooks that sample compare every hundred at least."""


class VectorForecast(msgspec.Struct):
    """Follows ‖g_t - g_(t-1)‖ / ‖g_(t-1)‖ of the gradients as vectors, which turn even where their norm stays.

    The gauge rests on it while it is fresh. The fault `gradient_explosion` keeps to norms: of gradients that are mostly
    noise the vectors change by about √2 of their norm at each step, which is no sign of an explosion.
    """

    forecast: ExplosionProbability
    step: int | None = None

    def observe(self, change: float, step: int | None, limit: float) -> None:
        """Take the relative change in a step; `limit` is C."""
        self.forecast.change, self.step = limit, step
        self.forecast.observe_change(change)

    def is_fresh(self, step: int | None) -> bool:
        """Return whether the gradients are still compared, at a step of the run."""
        return step is None or self.step is None or step - self.step <= STALE_STEPS
