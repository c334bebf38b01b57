"""Read what the environment says of the network: proxies, and the certificates to trust."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pyreqwest.http import Url

from dlsync.client.urls import is_loopback
from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
TRUST_HINT: Final = "Set SSL_CERT_FILE to a PEM file that holds the certificate authority of the server."
_PROXY_HINT: Final = (
    "Set it to an address such as http://proxy.example.com:3128 or socks5h://127.0.0.1:1080, or unset it."
)


class Proxy(NamedTuple):
    """A proxy.

    :param variable: the environment variable that names it.
    :param url: with user and password, so never to be shown.
    :param address: without them.
    """

    variable: str
    url: Url
    address: str


def proxy_for(url: Url, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server; None for this machine, whatever the environment says.

    :raises SettingsError: the variable does not hold the address of a proxy.
    """
    host, port = (url.host_str or "").strip("[]"), url.port_or_known_default
    for name in (f"{url.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if address := environ.get(variable):
                bypassed = is_loopback(host) or _bypasses(environ, host, port)
                return None if bypassed else _parse(variable, address)
    return None


def _bypasses(environ: Mapping[str, str], host: str, port: int | None) -> bool:
    entries = (environ.get("no_proxy") or environ.get("NO_PROXY") or "").lower().split(",")
    return any(_matches(entry.strip(), host.rstrip("."), port) for entry in entries)


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Tell whether an entry of ``NO_PROXY`` is ``*``, a network, or a domain, with a port or without."""
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        domain = entry.removesuffix(f":{port}").removeprefix("*").strip(".[]")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _parse(variable: str, address: str) -> Proxy:
    try:
        url = Url(address if "://" in address else f"http://{address}")
    except ValueError:
        url = None
    if url is None or url.scheme not in _SCHEMES or not url.host_str:  # not shown: it may hold a password
        raise SettingsError(f"{variable} does not hold the address of a proxy", hint=_PROXY_HINT)
    port = f":{url.port_or_known_default or 1080}"
    return Proxy(variable, url, f"{url.scheme}://{url.host_str}{port}")


def certificates(environ: Mapping[str, str]) -> list[bytes]:
    """Return the certificates of ``SSL_CERT_FILE``; on Linux, the library reads it and ``SSL_CERT_DIR`` by itself too.

    :raises SettingsError: what the variables name does not exist or holds no certificate.
    """
    folder, file = environ.get("SSL_CERT_DIR"), environ.get("SSL_CERT_FILE")
    if folder and not any(Path(one).is_dir() for one in folder.split(os.pathsep)):
        raise SettingsError(f"SSL_CERT_DIR names {folder}, which is no folder", hint=TRUST_HINT)
    if not file:
        return []
    try:
        found = _CERTIFICATE.findall(Path(file).read_bytes())
    except OSError as error:
        raise SettingsError(
            f"SSL_CERT_FILE names {file}, which cannot be read: {error.strerror}", hint=TRUST_HINT
        ) from error
    if not found:
        raise SettingsError(f"SSL_CERT_FILE names {file}, which holds no certificate in PEM", hint=TRUST_HINT)
    return found
