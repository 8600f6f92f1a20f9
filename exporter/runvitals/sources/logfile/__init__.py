"""Files that trainers write: logs, tables, TensorBoard events, MLflow stores."""

from runvitals.sources.logfile.settings import LogfileSettings
from runvitals.sources.logfile.source import LogfileSource

__all__ = ["LogfileSettings", "LogfileSource"]
