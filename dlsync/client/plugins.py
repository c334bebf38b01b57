"""The family ``plugins`` (documented)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.client.family import Family, WritingFamily
from dlsync.client.record import made_of, record_of
from dlsync.client.response import etag_of
from dlsync.errors import BadAnswer, UnreadableResource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.record import OnBad, Record
    from dlsync.client.response import Response
    from dlsync.model import Json

_FAMILY = "plugins"


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin as the list names it, without its content.

    :param etag: the version of the whole plugin, where the server says it in the list; empty elsewhere.
    :param extra: all other fields.
    """

    name: str
    extra: Mapping[str, Json] = field(default_factory=dict)
    etag: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A whole plugin.

    :param extension: of its file, without the dot; empty where the server gives none.
    :param content: decoded.
    :param etag: what the server calls this version of it; empty where it does not say.
    :param extra: all other fields, such as ``description``, ``interval`` (s), ``params``, ``shellArgs``, ``type``.
    """

    name: str
    extension: str
    content: bytes
    extra: Mapping[str, Json] = field(default_factory=dict)
    etag: str = field(default="", compare=False, repr=False)


class Plugins(Family):
    """Reads plugins."""

    async def list(self, on_bad: OnBad | None = None) -> tuple[PluginEntry, ...]:
        """Return the names of all plugins (GET plugins).

        The documentation calls the name ``plugin``, observed servers ``name``.

        :param on_bad: is called for each item that cannot be read; None: that is raised.
        """
        answer = await self._get(_FAMILY)
        return tuple(made_of(answer, _entry, on_bad))

    async def get(self, name: str, unless: str = "") -> Plugin:
        """Return one plugin, whole (GET plugins/<name>).

        :param unless: the ETag of one that is known.
        :raises NotFound: where there is none of that name.
        :raises NotModified: it is still that one.
        :raises UnreadableResource: the answer holds no plugin.
        """
        answer = await self._get(_FAMILY, name, unless=unless)
        try:
            return _plugin(answer)
        except BadAnswer as error:
            raise UnreadableResource(error.message, request=error.request, hint=error.hint) from error


class WritingPlugins(Plugins, WritingFamily):
    """Reads and writes plugins."""

    async def create(self, name: str, extension: str, content: bytes, **fields: Json) -> None:
        """Create a plugin where there is none of that name: atomic, so it can be a lock (POST plugins).

        :param extension: of its file, without the dot.
        :param fields: further ones, such as ``interval`` (s).
        :raises AlreadyExists: where there is one.
        """
        payload = {**fields, "name": name, "extension": extension, "content": _encoded(content)}
        await self._create(_FAMILY, payload, name)

    async def update(self, name: str, content: bytes, **fields: Json) -> None:
        """Replace a plugin's content, and the fields that are given (PATCH plugins/<name>).

        :raises NotFound: where there is none of that name.
        """
        payload = {**fields, "content": _encoded(content), "encoding": "base64"}
        await self._send_json("PATCH", payload, _FAMILY, name)

    async def delete(self, name: str) -> None:
        """Delete a plugin (DELETE plugins/<name>).

        :raises NotFound: where there is none of that name.
        """
        await self._send("DELETE", _FAMILY, name)


def _entry(record: Record) -> PluginEntry:
    return PluginEntry(record.text("name", "plugin"), etag=etag_of(record.json("etag")), extra=record.rest)


def _plugin(answer: Response) -> Plugin:
    record = record_of(answer)
    extension = record.json("extension")
    name, known_extension = record.text("name", "plugin"), extension if isinstance(extension, str) else ""
    return Plugin(name, known_extension, _content(answer, record), record.rest, answer.etag)


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _content(answer: Response, record: Record) -> bytes:
    content = record.json("content")
    if not isinstance(content, str):
        raise answer.bad("the field `content` is missing or no text")
    if (record.json("encoding") or "base64") != "base64":
        raise answer.bad("the field `encoding` is not base64")
    try:
        # line breaks are let through: the documented upload pipes through `base64`, which wraps its lines
        return binascii.a2b_base64("".join(content.split()), strict_mode=True)  # base64's own makes a copy more
    except (binascii.Error, ValueError):
        raise answer.bad("the field `content` is not base64") from None
