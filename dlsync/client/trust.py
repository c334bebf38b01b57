"""Whom TLS trusts: what ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name, else whom the system trusts."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from typing import Final

_HAS_A_STORE: Final = frozenset({"darwin", "win32"})
# where distributions have them; a Python that was built elsewhere may look in none of these
_BUNDLES: Final = (
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def tls_context() -> ssl.SSLContext:
    """Return what a connection is secured with; made once, for it takes 20 to 50 ms."""
    file, folder = os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None
    if file or folder:
        context = ssl.create_default_context(cafile=file, capath=folder)
    elif sys.platform in _HAS_A_STORE:
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = ssl.create_default_context(cafile=None if _is_known() else _bundle())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _is_known() -> bool:
    """Tell whether OpenSSL finds certificates where it was built to look for them."""
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).glob("*.0"))))


def _bundle() -> str | None:
    return next((one for one in _BUNDLES if Path(one).is_file()), None)
