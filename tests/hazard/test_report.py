"""The score card on a small number of fresh runs; the whole one is `python -m hazard report`."""

import pytest

from hazard import archive
from hazard.forecasts import forecast
from hazard.report import PER, figures, lines

FRESH = range(500_000, 500_100)
"""Seeds that neither the fit nor the full report has seen."""


@pytest.mark.slow
def test_fresh_runs_are_forecast_as_the_report_says(tmp_path):
    """On a hundred runs: more skill than the base rate, calibrated, slow explosions announced, healthy runs quiet.

    The limits are wide: of so few runs the figures vary.
    """
    list(archive.generate(tmp_path, FRESH, with_torch=False))
    forecasts = [forecast(run) for run in archive.load(tmp_path)]
    found = figures(forecasts)
    print(*lines(forecasts), sep="\n")
    assert found.skill > 0.3
    assert found.calibration_error < 0.12
    assert found.slow_warned >= 0.7 * found.slow
    assert PER * found.false / found.healthy_steps < 3.0
