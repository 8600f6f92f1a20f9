"""The config: what each room declares, composed; one file, read strictly."""

from runvitals.config.errors import ConfigError
from runvitals.config.file import check_web, load
from runvitals.config.redaction import fingerprint, to_yaml
from runvitals.config.settings import Config

__all__ = ["Config", "ConfigError", "check_web", "fingerprint", "load", "to_yaml"]
