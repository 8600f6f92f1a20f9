"""The lines filled in here are those that prometheus_client itself would write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Sample

from runvitals.catalogue import metrics
from runvitals.exposition.families import Family
from runvitals.exposition.metrics_text import negotiate, render

ACCEPTS = (
    "",
    "application/openmetrics-text;version=1.0.0",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;escaping=dots",
)
SHOWN = (metrics.SIGNAL_VALUE, metrics.SIGNAL_SAMPLES, metrics.RUN_STEP, metrics.SNAPSHOT_TIMESTAMP)
text = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "\\", "\n", 'a"b\\c\nd,e="1"', "{0}", "%s"]
)


class Page:
    """The families as a collector of prometheus_client's own."""

    def __init__(self, families):
        self.families = families

    def collect(self):
        for metric, samples in self.families:
            family = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}[metric.kind](metric.name, metric.help)
            family.samples = [
                Sample(metric.name, {name: one for name, one in zip(metric.labels, values, strict=True) if one}, value)
                for values, value in samples.items()
            ]
            yield family


@st.composite
def some_families(draw):
    return [
        Family(metric, draw(st.dictionaries(st.tuples(*[text] * len(metric.labels)), st.floats(), max_size=4)))
        for metric in draw(st.lists(st.sampled_from(SHOWN), unique=True))
    ]


@pytest.mark.parametrize("accept", ACCEPTS)
@given(families=some_families())
@settings(max_examples=60, deadline=None)
def test_a_page_is_what_prometheus_client_would_write(accept, families):
    """In every format and escaping, with any label values and numbers."""
    output = negotiate(accept)
    assert render(families, output) == output.encode(Page(families))
