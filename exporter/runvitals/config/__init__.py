"""The config: what each room declares, composed; one file, read strictly."""

from runvitals.config.errors import ConfigError
from runvitals.config.file import load, load_with_origins
from runvitals.config.overlay import Overlay, from_environment, setting_paths
from runvitals.config.redaction import fingerprint, to_yaml
from runvitals.config.settings import Config

__all__ = [
    "Config",
    "ConfigError",
    "Overlay",
    "fingerprint",
    "from_environment",
    "load",
    "load_with_origins",
    "setting_paths",
    "to_yaml",
]
