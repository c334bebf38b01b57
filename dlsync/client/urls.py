"""Build URLs: the API's base, and names percent-encoded so that each is one path segment."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import quote

from pyreqwest.http import Url

from dlsync.errors import DlsyncError, SettingsError
from dlsync.model import DOT_NAMES

API: Final = "/api/v1"
_HINT: Final = f"Set `url` to the API's base, such as https://monitoring.example.com{API}."
_HTTP: Final = re.compile(r"https?://[^/\\]", re.IGNORECASE)


def base_url(url: str, *, insecure: bool) -> str:
    """Return a URL in its normal form, without a slash at its end.

    The library that sends the requests parses it, so that the host that is checked is the host that gets the key.

    :param insecure: whether the key may cross a network in plain text.
    :raises SettingsError: it is no HTTP URL, holds a password, or would send the key in plain text.
    """
    if not url.isprintable() or " " in url:
        raise SettingsError("`url` holds a space or a control character", hint=_HINT)
    if not _HTTP.match(url):
        raise SettingsError("`url` is not an HTTP address", hint=_HINT)
    try:
        parsed = Url(url)
    except ValueError as error:
        raise SettingsError(f"`url` cannot be read as a URL: {error}", hint=_HINT) from None
    if parsed.username or parsed.password:
        raise SettingsError("`url` holds a user or a password; a URL is printed and is no place for one", hint=_HINT)
    if "?" in url or "#" in url:
        raise SettingsError("`url` has a query or a fragment, which a base URL cannot have", hint=_HINT)
    host = parsed.host_str or ""
    if parsed.scheme == "http" and not insecure and not is_loopback(host.strip("[]")):
        message = f"`url` is plain HTTP, which would send the API key to {host} readable on the way"
        hint = "Use https://; a server on this machine may be reached over http://127.0.0.1."
        raise SettingsError(message, hint=hint)
    return str(parsed).rstrip("/")


def likely_bases(base: str) -> list[str]:
    """Return the URLs that a user may have meant by one that is not the API's base, the likeliest first."""
    origin = Url(base).origin_ascii
    before, found, _ = base.partition(API)
    candidates = [f"{before}{found}" if found else f"{base}{API}", f"{origin}{API}"]
    return [url for url in dict.fromkeys(candidates) if url != base]


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def segment(name: str) -> str:
    """Return a name percent-encoded as exactly one path segment.

    :raises DlsyncError: no path can hold the name: it is empty, ``.`` or ``..``, or has half a surrogate pair.
    """
    if not name:
        raise DlsyncError("a name is empty; the server would take the request for one about all of its kind")
    if name in DOT_NAMES:
        hint = "Rename the resource on the server's own pages."
        raise DlsyncError(f"the name {name!r} cannot be part of a URL, where it means a folder", hint=hint)
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        message = f"the name {name!a} holds half a surrogate pair, which cannot be sent"
        raise DlsyncError(message, hint="Rename the resource.") from None


def setting_segment(setting: str, name: str) -> str:
    """Return the name of an organisation or an account as a path segment.

    :raises SettingsError: the name is empty.
    """
    if not name:
        hint = f"Give --{setting}, DLSYNC_{setting.upper()} or `{setting}`."
        raise SettingsError(f"`{setting}` is not set", hint=hint)
    return segment(name)
