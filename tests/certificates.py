"""A certificate authority for tests, by the openssl command."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs certificates for 127.0.0.1; `ca.pem`, `<name>.pem` and `<name>.key` lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            pytest.skip("there is no openssl command")
        self.folder = folder
        ca = ("-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
        self._openssl("req", *_KEY, *ca, "-addext", "keyUsage=critical,keyCertSign")

    def sign(self, name: str, dns: str = "model.test") -> None:
        """Make a key and a certificate, or new ones of the same name."""
        (self.folder / "ext").write_text(f"subjectAltName=IP:127.0.0.1,DNS:{dns}\nauthorityKeyIdentifier=keyid\n")
        self._openssl("req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext")
        self._openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
