"""The script of a plugin: as text that can be compared line by line, and in its file's name."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from dlsync.errors import DlsyncError
from dlsync.model import Resource
from dlsync.sealing import sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.kinds.scene import SourceFile
    from dlsync.model import Difference, Json
    from dlsync.redaction import Redaction


# the fields of a plugin's document that its script and that file's name say; all others are settings
SCRIPT = ("content", "extension")


@dataclass(frozen=True, slots=True)
class Script(Resource):
    """A plugin in the tree; its settings, where it has any, stand in a file of their own."""

    meta: SourceFile | None = None


def content_value(content: bytes) -> Json:
    """Return a script as text, line by line comparable, or the digest of what is not text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _digest(content)
    return _digest(content) if "\0" in text else text


def _digest(content: bytes) -> Json:
    from hashlib import sha256  # which loads OpenSSL's

    return {"sha256": sha256(content).hexdigest()}


def with_script(content: bytes, settings: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what a plugin means: its script as it can be compared, and its settings."""
    return {"content": content_value(content), **settings}


def without_extension(file: str) -> str:
    """Return the path of a script without its extension."""
    folder, slash, name = file.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    return f"{folder}{slash}{stem}" if dot else file


def first_changed_line(difference: Difference) -> int | None:
    """Return the first line in which a script differs; None for what differs elsewhere."""
    before, after = difference.before, difference.after
    if difference.path != ("content",) or not isinstance(before, str) or not isinstance(after, str):
        return None
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def saved_script(live: Resource, redaction: Redaction) -> Json:
    """Return a live script for a journal: as text, or where it is none in base64.

    :raises DlsyncError: it is no text, and a secret is in it.
    """
    content = live.document["content"]
    if isinstance(content, str):
        return sealed(content, redaction)
    if redaction.text(text := live.body.decode("utf-8", "replace")) != text:
        raise DlsyncError(f"the live script of plugin/{live.name} is no text and holds a secret: it cannot be kept")
    return {"base64": base64.b64encode(live.body).decode()}


def restored_script(name: str, saved: Json) -> bytes:
    """Return the script that :func:`saved_script` was made from.

    :raises DlsyncError: it was made from none.
    """
    match saved:
        case str(text):
            return text.encode("utf-8", "replace")
        case {"base64": str(text)}:
            with suppress(ValueError):
                return base64.b64decode(text, validate=True)
    raise DlsyncError(f"the journal holds no script of plugin/{name}")
