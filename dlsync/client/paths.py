"""Where requests go: the server's base URL, and path segments encoded so that a name is always one segment."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from dlsync.errors import DlsyncError, SettingsError

URL_HINT = "Set `url` to the API's base, such as https://monitoring.example.com/api/v1."

_LABEL: Final = "[A-Za-z0-9_-]{1,63}"
_AUTHORITY: Final = re.compile(rf"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*\.?))(?::[0-9]*)?")
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")
_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The server of a base URL, and the path that all others are below.

    :param authority: host and port as the URL has them.
    """

    scheme: str
    host: str
    port: int
    authority: str
    path: str

    @property
    def bracketed(self) -> str:
        """The host as it stands before a port."""
        return f"[{self.host}]" if ":" in self.host else self.host


def origin_of(base: str) -> Origin:
    """Return where a base URL leads.

    :param base: as :func:`base_url` returns it.
    :raises SettingsError: its host cannot be one, or could be read as two different ones.
    """
    parts = urlsplit(base)
    found = _AUTHORITY.fullmatch(parts.netloc)
    host = (found["ipv6"] or found["name"]).lower() if found else ""
    if not found or not _is_host(host, is_address=bool(found["ipv6"] or _NUMBER.fullmatch(host))):
        hint = "A name has letters of ASCII; that of an international domain is written as xn--…"
        raise SettingsError(f"`url` cannot be used: {parts.netloc!a} is no host", hint=f"{URL_HINT} {hint}")
    return Origin(
        parts.scheme, host, _PORTS[parts.scheme] if parts.port is None else parts.port, parts.netloc, parts.path
    )


def _is_host(host: str, *, is_address: bool) -> bool:
    try:
        return not is_address or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def base_url(url: str, *, insecure: bool) -> str:
    """Return the URL without a trailing slash.

    :param insecure: whether the key may cross a network in plain text.
    :raises SettingsError: where it is no HTTP URL, holds a password, or would send the key in plain text.
    """
    parts = _split(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError("`url` is not an HTTP address", hint=URL_HINT)
    if "@" in parts.netloc:
        raise SettingsError("`url` holds a user or a password; a URL is printed and is no place for one", hint=URL_HINT)
    if parts.query or parts.fragment:
        raise SettingsError("`url` has a query or a fragment, which a base URL cannot have", hint=URL_HINT)
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise SettingsError(
            f"`url` is plain HTTP, which would send the API key to {parts.hostname} readable on the way",
            hint="Use https://; a server on this machine may be reached over http://127.0.0.1.",
        )
    return f"{parts.scheme}://{parts.netloc}{quote(parts.path, safe='/%:@!$&()*+,;=~-._')}".rstrip("/")


def _split(url: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise SettingsError("`url` holds a space or a control character", hint=URL_HINT)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise SettingsError("`url` cannot be read as a URL", hint=URL_HINT) from None
    return parts


def is_loopback(host: str) -> bool:
    """Tell whether the host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def segment(name: str) -> str:
    """Return the name percent-encoded as exactly one path segment.

    :raises DlsyncError: for a name that no path can hold: an empty one, or one with half a surrogate pair.
    """
    if not name:
        raise DlsyncError("a name is empty; the server would take the request for one about all of its kind")
    try:
        encoded = quote(name, safe="")
    except UnicodeEncodeError:
        raise DlsyncError(
            f"the name {name!a} holds half a surrogate pair, which cannot be sent", hint="Rename the resource."
        ) from None
    # `.` and `..` alone mean "here" and "up" in a URL, unless their dots are encoded.
    return encoded.replace(".", "%2E") if encoded in {".", ".."} else encoded


def prefixes(org: str, account: str) -> tuple[str, str, str]:
    """Return what paths begin with: those of the server, of the organisation and of the account.

    :raises SettingsError: where a name is empty.
    """
    for setting, name in (("org", org), ("account", account)):
        if not name:
            raise SettingsError(
                f"`{setting}` is not set", hint=f"Give --{setting}, DLSYNC_{setting.upper()} or `{setting}`."
            )
    organisation = f"/orgs/{segment(org)}"
    return "", organisation, f"{organisation}/accounts/{segment(account)}"
