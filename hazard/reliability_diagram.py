"""The reliability diagram as SVG: what was forecast, against what came."""

from __future__ import annotations

from math import log10

from hazard.reliability import Bin

SIZE, MARGIN = 360, 50


def reliability_diagram(bins: list[Bin], caption: str) -> str:
    """Return the picture: a dot for each bin, the larger the more steps; the diagonal is perfect calibration."""
    ticks = "".join(_tick(share / 5) for share in range(6))
    dots = "".join(_dot(one) for one in bins)
    side = SIZE + 2 * MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side + 20}" '
        f'font-family="sans-serif" font-size="12">'
        f'<rect width="{side}" height="{side + 20}" fill="white"/>'
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#999" stroke-dasharray="4"/>'
        f'<path d="M{_x(0)} {_y(1)}V{_y(0)}H{_x(1)}" fill="none" stroke="black"/>{ticks}{dots}'
        f'<text x="{_x(0.5)}" y="{_y(0) + 38}" text-anchor="middle">forecast probability</text>'
        f'<text transform="translate(14 {_y(0.5)}) rotate(-90)" text-anchor="middle">'
        "share followed by an explosion</text>"
        f'<text x="{side / 2}" y="{side + 10}" text-anchor="middle">{caption}</text></svg>\n'
    )


def _tick(share: float) -> str:
    return (
        f'<text x="{_x(share)}" y="{_y(0) + 18}" text-anchor="middle">{share:g}</text>'
        f'<text x="{_x(0) - 8}" y="{_y(share) + 4}" text-anchor="end">{share:g}</text>'
    )


def _dot(one: Bin) -> str:
    return (
        f'<circle cx="{_x(one.forecast)}" cy="{_y(one.observed)}" r="{1.5 * log10(one.steps):.1f}" fill="#06c">'
        f"<title>{one.steps} steps: forecast {one.forecast:.3f}, observed {one.observed:.3f}</title></circle>"
    )


def _x(share: float) -> float:
    return round(MARGIN + share * SIZE, 1)


def _y(share: float) -> float:
    return round(MARGIN + (1.0 - share) * SIZE, 1)
