"""Files as they are sent: each below a line that names it, or JSON."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dlsync.messages import json_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlsync.model import Json
    from dlsync.resources.loader import SentFile


def render(files: Iterable[SentFile]) -> str:
    """Return the files one below the other, such that a terminal acts on nothing in them."""
    return "\n".join("".join(f"{line}\n" for line in _lines(one)) for one in files)


def render_json(files: Iterable[SentFile]) -> str:
    """Return the files as ASCII text; of one that is no text, the digest in place of its content."""
    return json_text([_document(one) for one in files])


def _lines(one: SentFile) -> Iterator[str]:
    yield f"# {visible(one.file)} ({visible(str(one.address))})"
    text = _text(one.content)
    if text is None:
        yield f"# no text: {len(one.content):,} bytes, sha256 {_digest(one.content)}"
        return
    for line in text.removesuffix("\n").split("\n") if text else ():
        yield "\t".join(visible(part) for part in line.removesuffix("\r").split("\t"))


def _document(one: SentFile) -> dict[str, Json]:
    text = _text(one.content)
    digest: dict[str, Json] = {"sha256": _digest(one.content)} if text is None else {}
    return {"kind": one.address.kind, "name": one.address.name, "file": one.file, "content": text, **digest}


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
