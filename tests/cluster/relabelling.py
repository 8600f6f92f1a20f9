"""What `metric_relabel_configs` do to the labels of a sample; the actions `replace`, `keep` and `drop`.

As Prometheus's model/relabel does it; tests/cluster compares the two on a real page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tests.bundle.shipped import Document


def relabelled(labels: Mapping[str, str], configs: Sequence[Document]) -> dict[str, str] | None:
    """Return the labels (the name of the metric among them) that are left, or None where the sample is dropped."""
    left = dict(labels)
    for config in configs:
        value = config.get("separator", ";").join(left.get(name, "") for name in config["source_labels"])
        is_match = re.fullmatch(config["regex"], value) is not None
        action = config.get("action", "replace")
        if action == ("keep" if not is_match else "drop") and action in {"keep", "drop"}:
            return None
        if action == "replace" and is_match:
            left[config["target_label"]] = config["replacement"]
        left = {name: value for name, value in left.items() if value}
    return left
