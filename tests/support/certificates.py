"""Certificates for tests, made by openssl: an authority, a server's and a client's."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="no openssl on the PATH")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """What signs certificates."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._name = name
        pair = self._pair(name)
        _run("req", "-x509", *CURVE, "-keyout", pair.key, "-out", pair.certificate, "-subj", f"/CN={name}", "-days", 2)
        self._own = pair
        self.file = pair.certificate

    def _pair(self, name: str) -> Pair:
        return Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")

    def sign(self, name: str) -> Pair:
        """Make a certificate for a name, which is that of 127.0.0.1, too."""
        pair, request, more = self._pair(name), self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        _run("req", *CURVE, "-keyout", pair.key, "-out", request, "-subj", f"/CN={name}")
        more.write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\n", encoding="utf-8")
        _run("x509", "-req", "-in", request, "-CA", self._own.certificate, "-CAkey", self._own.key, "-CAcreateserial",
             "-out", pair.certificate, "-days", 2, "-extfile", more)  # fmt: skip
        return pair


def _run(*arguments: object) -> None:
    done = subprocess.run(
        [str(OPENSSL), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
