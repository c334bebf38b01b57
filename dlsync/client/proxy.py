"""Choose the proxy that ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` name."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, NamedTuple

from pyreqwest.http import Url

from dlsync.client.urls import is_loopback
from dlsync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_HINT: Final = "Set it to an address such as http://proxy.example.com:3128 or socks5h://127.0.0.1:1080, or unset it."


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
        raise SettingsError(f"{variable} does not hold the address of a proxy", hint=_HINT)
    port = f":{url.port_or_known_default or 1080}"
    return Proxy(variable, url, f"{url.scheme}://{url.host_str}{port}")
