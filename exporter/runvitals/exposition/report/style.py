"""The style of the report: that of the landing page, and what the pictures need."""

from __future__ import annotations

from runvitals.exposition.landing_style import STYLE as PAGE_STYLE

STYLE = (
    PAGE_STYLE
    + """
figure { margin: 1.5rem 0; }
svg { display: block; overflow: visible; }
svg svg { overflow: hidden; }
svg text { font: .72rem system-ui, sans-serif; fill: var(--soft); paint-order: stroke; stroke: var(--ground);
  stroke-width: 3px; stroke-linejoin: round; }
path { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
.plot { fill: var(--card); }
.grid { stroke: var(--line); stroke-width: 1; }
.band { fill: var(--link); opacity: .18; }
.value, .anomaly { stroke: var(--link); stroke-width: 1.2; }
.alert { stroke: var(--warn); stroke-width: 1; opacity: .6; }
.nonfinite { stroke: var(--bad); stroke-width: 2; }
.next { stroke: var(--soft); stroke-width: 1; }
.hazard { stroke: var(--bad); stroke-width: 2; }
.mark rect { fill: var(--soft); opacity: .15; }
.mark line { stroke: var(--soft); stroke-width: 1; opacity: .6; }
.mark text { fill: var(--text); font-weight: 600; }
.mark.critical rect { fill: var(--bad); }
.mark.critical line { stroke: var(--bad); }
.mark.warning rect { fill: var(--warn); }
.mark.warning line { stroke: var(--warn); }
.event line { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 4; }
.whole, summary { overflow-wrap: normal; }
.whole { white-space: nowrap; }
table { overflow-wrap: break-word; }
@media (max-width: 40rem) { .name { display: none; } .whole { white-space: normal; overflow-wrap: anywhere; } }
@media print { figure { break-inside: avoid; } }
"""
)
