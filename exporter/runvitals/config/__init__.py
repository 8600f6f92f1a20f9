"""The config: what each room declares, composed; one file, read strictly."""

from runvitals.config.errors import ConfigError
from runvitals.config.file import load
from runvitals.config.redaction import fingerprint, to_yaml
from runvitals.config.settings import Config

__all__ = ["Config", "ConfigError", "fingerprint", "load", "to_yaml"]
