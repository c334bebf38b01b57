"""A text changed to mean another document, as a careful person would edit it; coarser where that does not work out."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from dlsync.yamlfile.blocks import Unspliceable
from dlsync.yamlfile.construct import construct
from dlsync.yamlfile.dumper import dump
from dlsync.yamlfile.layout import layout_of
from dlsync.yamlfile.matching import same
from dlsync.yamlfile.nodes import MAX_DEPTH, compose
from dlsync.yamlfile.parser import parse
from dlsync.yamlfile.source import BOM, InvalidYaml, Source, decode
from dlsync.yamlfile.splice import Splicer, continues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.model import Json

_LEADING_COMMENTS = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?(?:\r\n|[\r\n]))*+")
_LINE_FEED = re.compile(r"(?<!\r)\n")


def rewrite(content: bytes, document: Json) -> bytes:
    """Return the text changed so that ``parse`` gives the document: what did not change stays as it is, byte for byte.

    Where pieces of the text cannot be edited one by one, the top-level key around the change is written anew; where
    that cannot be either, and for a text that is not YAML, the whole is, below the comments at its begin.

    :raises InvalidYaml: for a document that no file can hold; see ``dump``.
    """
    try:
        source = decode(content)
        root = compose(source)
        if same(construct(root, source), document):
            return content
    except InvalidYaml:
        return dump(document)
    for text in _candidates(source, document):
        for ending in _endings(text, source):
            if _means(ending, document):
                return ending
    return _encoded(_afresh(source, document), source)


def _candidates(source: Source, document: Json) -> Iterator[str]:
    """Yield texts that should mean the document, the one with the fewest changes first."""
    ended = _with_last_line_feed(source)
    texts = (source,) if ended is source else (source, ended)  # the line feed may change what a block scalar means
    for depth, expand in ((MAX_DEPTH, False), (MAX_DEPTH, True), (0, True)):
        for text in texts:
            root = compose(text)
            if root is not None and continues(document, root):
                with suppress(Unspliceable):
                    yield Splicer(text, layout_of(root, text), depth, expand).root(root, document)


def _with_last_line_feed(source: Source) -> Source:
    """Return the text with its last line ended, so that every piece is whole lines."""
    if source.text.endswith(("\n", "\r")):
        return source
    return Source(source.text + "\n", source.file, source.bom)


def _endings(text: str, source: Source) -> Iterator[bytes]:
    """Yield the file without a last line feed, if it had none, and with one, which a block scalar may need."""
    if not source.text.endswith(("\n", "\r")):
        yield _encoded(text.removesuffix("\n").removesuffix("\r"), source)
    yield _encoded(text, source)


def _encoded(text: str, source: Source) -> bytes:
    """Return the file's bytes: with its byte order mark, and with CR LF throughout if it had them throughout."""
    if "\r\n" in source.text and not _LINE_FEED.search(source.text):
        text = _LINE_FEED.sub("\r\n", text)
    return ((BOM if source.bom else "") + text).encode()


def _means(content: bytes, document: Json) -> bool:
    try:
        return same(parse(content), document)
    except InvalidYaml:
        return False


def _afresh(source: Source, document: Json) -> str:
    comments = _LEADING_COMMENTS.match(_with_last_line_feed(source).text)
    return (comments[0].lstrip("\n") if comments else "") + dump(document).decode()
