"""From a web config file to its settings, with the paths in it made whole."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

from runvitals.exposition.web_config.settings import TlsServerSettings, WebConfig

_MAX_BYTES = 1 << 20


class WebConfigError(Exception):
    """A web config that cannot be used; the sentence names the file, the place and the remedy."""


def read_web_config(path: Path) -> WebConfig:
    """Return what a file says; paths in it are given from its folder. Raises WebConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise WebConfigError(f"{path}: larger than {_MAX_BYTES} bytes: is this a web config?")
        text = data.decode()
        config = msgspec.convert(yaml.safe_load(text) or {}, WebConfig)
    except OSError as error:
        raise WebConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WebConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WebConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise WebConfigError(f"{path}: not valid YAML") from error
    except msgspec.ValidationError as error:
        raise WebConfigError(f"{path}: {error}") from error
    if config.tls_server_config is None:
        return config
    return msgspec.structs.replace(config, tls_server_config=_with_whole_paths(config.tls_server_config, path.parent))


def _with_whole_paths(tls: TlsServerSettings, folder: Path) -> TlsServerSettings:
    given = {name: getattr(tls, name) for name in ("cert_file", "key_file", "client_ca_file")}
    return msgspec.structs.replace(tls, **{name: str(folder / value) for name, value in given.items() if value})
