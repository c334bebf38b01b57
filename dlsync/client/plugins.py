"""The family ``plugins`` (documented)."""

import base64
import binascii
from dataclasses import dataclass, field, replace
from typing import Any

from dlsync.client.family import Access_co, Family, Write
from dlsync.client.record import NAMES, OnBad, Text, record_of, records_of
from dlsync.client.response import Response, etag_of
from dlsync.errors import BadAnswer, UnreadableResource
from dlsync.model import Json


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin as the list names it, without its content.

    :param etag: the version of the whole plugin, if the server's list has it; else empty.
    """

    name: Text = field(metadata={NAMES: ("name", "plugin")})
    extra: dict[str, Any] = field(default_factory=dict)
    etag: Any = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A whole plugin.

    :param extension: of its file, without the dot; empty if the server gives none.
    :param content: decoded.
    :param etag: the server's name of this version; empty if it gives none.
    :param extra: all other fields, such as ``description``, ``interval`` (s), ``params``, ``shellArgs``, ``type``.
    """

    name: str
    extension: str
    content: bytes
    extra: dict[str, Any] = field(default_factory=dict)
    etag: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Plugin:
    content: str
    name: Text = field(metadata={NAMES: ("name", "plugin")})
    extension: Any = None
    encoding: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


class Plugins(Family[Access_co]):
    """Reads and writes plugins."""

    async def list(self, on_bad: OnBad | None = None) -> tuple[PluginEntry, ...]:
        """Return the names of all plugins (GET plugins).

        The documentation calls the name ``plugin``, observed servers ``name``.
        """
        entries = records_of(await self._request("GET", "plugins"), PluginEntry, on_bad)
        return tuple(replace(entry, etag=etag_of(entry.etag)) for entry in entries)

    async def get(self, name: str, if_none_match: str = "") -> Plugin:
        """Return one plugin, whole (GET plugins/<name>).

        :raises UnreadableResource: the answer holds no plugin.
        """
        response = await self._request("GET", "plugins", name, if_none_match=if_none_match)
        try:
            return _plugin(response)
        except BadAnswer as error:
            raise UnreadableResource(error.message, request=error.request, hint=error.hint) from error

    async def create(self: "Plugins[Write]", name: str, extension: str, content: bytes, **fields: Json) -> None:
        """Create a plugin if there is none of that name, atomically, so that it can be a lock (POST plugins).

        :param extension: of its file, without the dot.
        :param fields: further ones, such as ``interval`` (s).
        """
        payload = {**fields, "name": name, "extension": extension, "content": _encoded(content)}
        await self._create("plugins", payload, name)

    async def update(self: "Plugins[Write]", name: str, content: bytes, **fields: Json) -> None:
        """Replace a plugin's content, and the fields that are given (PATCH plugins/<name>)."""
        payload = {**fields, "content": _encoded(content), "encoding": "base64"}
        await self._request("PATCH", "plugins", name, payload=payload)

    async def delete(self: "Plugins[Write]", name: str) -> None:
        """Delete a plugin (DELETE plugins/<name>)."""
        await self._request("DELETE", "plugins", name)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _plugin(response: Response) -> Plugin:
    raw = record_of(response, _Plugin)
    if (raw.encoding or "base64") != "base64":
        raise response.bad("the field `encoding` is not base64")
    try:
        # with line breaks: the documented upload pipes through `base64`, which wraps its lines
        content = binascii.a2b_base64(
            "".join(raw.content.split()), strict_mode=True
        )  # base64.b64decode copies it once more
    except (binascii.Error, ValueError):
        raise response.bad("the field `content` is not base64") from None
    return Plugin(raw.name, raw.extension if isinstance(raw.extension, str) else "", content, raw.extra, response.etag)
