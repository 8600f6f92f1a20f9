"""The bundle for Prometheus, Alertmanager and Grafana as `runvitals bundle` writes it: filled in, and ready to load.

What is shipped stands in `prometheus/`, `alertmanager/` and `grafana/` of the repository, and in this package's folder
once it is installed. A file of values says what differs; comments and all that it does not name stay as shipped.
"""

from runvitals.bundle.checks import RefusedError, check
from runvitals.bundle.files import bundle_files
from runvitals.bundle.shipped import example_values
from runvitals.bundle.values import Values, load_values
from runvitals.bundle.writing import ChangedFilesError, write_files

__all__ = [
    "ChangedFilesError",
    "RefusedError",
    "Values",
    "bundle_files",
    "check",
    "example_values",
    "load_values",
    "write_files",
]
