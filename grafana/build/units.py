"""Units of the catalogue as Grafana names them."""

from __future__ import annotations

from runvitals.catalogue import signals
from runvitals.catalogue.signals import Signal

_UNITS = {
    "1": "short",
    "seconds": "s",
    "bytes": "bytes",
    "bytes per second": "binBps",
    "degrees Celsius": "celsius",
    "watts": "watt",
    "hertz": "hertz",
    "requests per second": "reqps",
    "tokens per second": "cps",
    "samples per second": "cps",
    "1 per second": "cps",
}
_SHARES = (signals.BATCH_UTILIZATION,)
"""Ratios from 0 to 1 whose meaning does not begin with the word share."""


def unit_of(signal: Signal) -> str:
    """Return Grafana's unit for a signal; a share of something is shown in per cent."""
    if signal.meaning.startswith("share ") or signal in _SHARES:
        return "percentunit"
    return _UNITS[signal.unit]
