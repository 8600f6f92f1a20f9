"""Who may read the pages, and how the server is known: the file of `--web.config.file`.

Its format is that of Prometheus's exporters (exporter-toolkit, docs/web-configuration.md), so that one file serves all.
"""

from runvitals.exposition.web_config.file import WebConfigError
from runvitals.exposition.web_config.gate import Gate

__all__ = ["Gate", "WebConfigError"]
