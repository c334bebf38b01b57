"""A text changed to mean another document: only the lines that must change do, and a comment goes with its item.

Each piece that was edited is parsed by itself. Where it does not mean what it should, it is written anew below its
comments, or else what encloses it is.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from dlsync.files.yaml.dump import HOUSE, Layout, dump, indented, lines, literal, scalar
from dlsync.files.yaml.flow import FlowEditor, Pairing, Part, quoted
from dlsync.files.yaml.pieces import (
    Collection,
    Piece,
    Unspliceable,
    continues,
    has_alias,
    identity,
    newline_of,
    pieces,
    same,
)
from dlsync.files.yaml.read import comments, compose, parse
from dlsync.files.yaml.source import BOM, InvalidYaml, Source, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlsync.files.yaml.read import Node
    from dlsync.model import Json, Path

_TRAILING = re.compile(r"[ \t]+#[^\r\n]*")
_REST_OF_LINE = re.compile(r"[ \t]*(#[^\r\n]*)?(?:\r\n|[\r\n])?")
_BLOCK_HEADER = re.compile(r"[|>]([-+0-9]*)([ \t]+#[^\r\n]*)?(?:\r?\n)*( *)")
_LEADING_COMMENTS = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?(?:\r\n|[\r\n]))*+")


def rewrite(content: bytes, document: Json, pair: Pairing | None = None) -> bytes:
    """Return the text changed so that ``parse`` gives the document: what did not change stays, byte for byte.

    A text that is not YAML is written anew.

    :param pair: returns for the list at a path, as it was and as it becomes, which items are the same: positions in
        both. By default, those that are equal, and others in the same place.
    :raises InvalidYaml: for a document that no file can hold; see ``dump``.
    """
    anew = dump(document)
    try:
        source = decode(content)
        root = compose(source)
    except InvalidYaml:
        return anew
    if same(root.value if root else None, document):
        return content
    ended = source  # so that every piece is whole lines
    if source.text and not source.text.endswith(("\n", "\r")):
        ended = replace(source, text=source.text + newline_of(source))
    bom = BOM.encode() if source.bom else b""
    for text in _candidates(ended, root, document, pair or by_place):
        unended = text.removesuffix("\n").removesuffix("\r")
        for ending in (text,) if ended is source else (unended, text):  # a block scalar may need its last line feed
            if _means(edited := ending.encode(), document):
                return bom + edited
    leading = _LEADING_COMMENTS.match(ended.text)
    head = leading[0].lstrip("\r\n") if leading else ""
    rest = comments(root, source, leading.end() if leading else 0)
    return bom + "".join([head, *(f"{comment}\n" for comment in rest)]).encode() + anew


def by_place(_: Path, before: list[Json], after: list[Json]) -> Iterator[tuple[int, int]]:
    """Yield the positions of items that are equal, and of others of the same type in the same place."""
    free: dict[str, list[int]] = {}
    for index, value in enumerate(before):
        free.setdefault(identity(value), []).append(index)
    unmatched = []
    for index, value in enumerate(after):
        candidates = free.get(identity(value))
        if candidates:
            yield candidates.pop(candidates.index(index) if index in candidates else 0), index
        else:
            unmatched.append(index)
    left = {index for indexes in free.values() for index in indexes}
    yield from ((index, index) for index in unmatched if index in left and type(before[index]) is type(after[index]))


def _candidates(source: Source, root: Node | None, document: Json, pair: Pairing) -> Iterator[str]:
    """Yield texts that should mean the document, the one with the fewest changes first."""
    if root is not None and continues(document, root):
        for expand in (False, True) if has_alias(root) else (False,):
            with suppress(Unspliceable):
                yield _Editor(source, root, pair, expand).root_edited(document)
    with suppress(Unspliceable):
        yield _root_replaced(source, root, document)


def _means(content: bytes, document: Json) -> bool:
    try:
        return same(parse(content), document)
    except InvalidYaml:
        return False


def _root_replaced(source: Source, root: Node | None, document: Json) -> str:
    """Return the text with its whole document written anew, and all comments around it and between its items."""
    text, newline = source.text, newline_of(source)
    start = stop = len(text)
    free: list[str] = []
    if root is not None:
        old = pieces(source, root, 0) if root.children and not root.flow else []
        start, stop = (old[0].lead, old[-1].stop) if old else (root.start, root.end)
        gaps = [(one.stop, two.lead) for one, two in pairwise(old)]
        whole = not old or continues(document, root)
        free = [one for gap in ([(start, stop)] if whole else gaps) for one in comments(root, source, *gap)]
    before = text[:start].rstrip(" \t")
    before += newline if before and not before.endswith(("\n", "\r")) else ""
    behind = _REST_OF_LINE.match(text, stop) if stop and not text[:stop].endswith("\n") else None
    free += [behind[1]] if behind and behind[1] else []
    written = [*free, *lines(document)]
    return before + newline.join(written) + newline + text[behind.end() if behind else stop :]


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around the value of a piece.

    :param between: the text between the label and the value; ``comment``: behind the value, on its line.
    :param below: the lines below; ``free``: comments inside of the value that belong to no item.
    """

    between: str
    comment: str = ""
    below: str = ""
    free: tuple[str, ...] = ()


class _Editor(FlowEditor):
    """Edits one text, by pieces of its block collections."""

    @cached_property
    def _layout(self) -> Layout:
        """How far the text indents: its first nested mapping and its first list, else as the house does."""
        found = HOUSE._asdict()
        for node in reversed([*self.root.walk()]):
            for key, value in node.entries() if node.form == "mapping" else ():
                columns = self.source.column(value.start) - self.source.column(key.start)
                below = self.source.line_start(value.start) != self.source.line_start(key.start)
                if value.children and not value.flow and below and columns >= 0 and value.start == value.content:
                    found["offset" if value.form == "list" else "step"] = columns
        return Layout(**found)

    @cached_property
    def _is_verified(self) -> bool:
        """Whether a piece can be parsed by itself: not one with an alias, whose anchor is elsewhere."""
        return self.expand or not has_alias(self.root)

    def root_edited(self, new: Collection) -> str:
        """Return the whole text with its root, a collection that does not become empty, changed."""
        text = self.source.text
        if self.root.flow:
            return text[: self.root.start] + self.flow_edited(self.root, new, ()) + text[self.root.end :]
        start, stop, inner = self._block(self.root, new, (), 0)
        return text[:start] + inner + text[stop:]

    def _block(self, node: Node, new: Collection, path: Path, below: int) -> tuple[int, int, str]:
        """Return begin and end of a block collection with its comments, and the text to put there."""
        old = pieces(self.source, node, below)
        parts: list[Part] = []
        if isinstance(new, list):
            for index, value in zip(self.matched(path, node, new), new, strict=True):
                if index is None:
                    parts.append((None, self._fresh([value], old[0])))
                else:
                    parts.append((index, self._piece(old[index], value, (*path, index))))
        else:
            names = [piece.key.value for piece in old if piece.key]
            parts = [(i, self._piece(old[i], new[name], (*path, name))) for i, name in enumerate(names) if name in new]
            parts += [(None, self._fresh({name: new[name]}, old[0])) for name in new if name not in names]
        return old[0].lead, old[-1].stop, self._assembled(old, parts)

    def _fresh(self, collection: Collection, sibling: Piece) -> str:
        first, *rest = lines(collection, self._layout)
        return self.newline.join([first, *indented(rest, self.source.column(sibling.start))]) + self.newline

    def _assembled(self, old: list[Piece], parts: list[Part]) -> str:
        """Return the text of a block collection made of other parts, without the indentation of its first line.

        Gaps with comments go before the piece that they were before, or before the next one that stays; blank lines
        separate as they did, and new neighbours as most pieces here are separated.
        """
        indent = " " * self.source.column(old[0].start)
        text = self.source.text
        gaps = ["", *(text[one.stop : self.source.line_start(two.lead)] for one, two in pairwise(old))]
        usual = Counter(gap for gap in gaps[1:] if not gap.strip()).most_common(1)
        free = _carried(gaps, {index for index, _ in parts})
        result = ""
        before: int | None = None
        for index, part in parts:
            gap = usual[0][0] if usual else ""
            if index is not None:
                stays = gaps[index].strip() or before == index - 1
                gap = free.pop(index, "") + (gaps[index] if stays else gap)
            if not result:
                gap = gap.lstrip()
            result += gap + (indent if result or gap else "") + part
            before = index
        return result + "".join(free.values())

    def _piece(self, piece: Piece, new: Json, path: Path) -> str:
        """Return a piece's text with its value changed: in place, or where that fails, written anew."""
        if self.is_unchanged(piece.value, new):
            return self.source.text[piece.lead : piece.stop]
        with suppress(Unspliceable):
            edited = self._inside(piece, new, path) if continues(new, piece.value) else self._replaced(piece, new)
            if not self._is_verified or self._holds(edited, piece, new):
                return edited
        return self._written_anew(piece, new)

    def _holds(self, edited: str, piece: Piece, new: Json) -> bool:
        text = " " * self.source.column(piece.start) + edited
        return _means(text.encode(), _alone(piece, new))

    def _inside(self, piece: Piece, new: Collection, path: Path) -> str:
        node, text = piece.value, self.source.text
        start, stop = node.start, node.end
        if node.flow:
            inner = self.flow_edited(node, new, path)
        else:
            start, stop, inner = self._block(node, new, path, self.source.line_end(piece.label))
        return text[piece.lead : start] + inner + text[stop : piece.stop]

    def _written_anew(self, piece: Piece, new: Json) -> str:
        """Return a piece as the house writes it, below all comments that are in it."""
        found = comments(self.root, self.source, piece.start, piece.stop)
        return self._below(found, piece, self._fresh(_alone(piece, new), piece))

    def _below(self, above: Iterable[str], piece: Piece, text: str) -> str:
        """Return the text of a piece from its start on, with more comments above."""
        margin = self.newline + " " * self.source.column(piece.start)
        return self.source.text[piece.lead : piece.start] + "".join(comment + margin for comment in above) + text

    def _replaced(self, piece: Piece, new: Json) -> str:
        """Return a piece with another value behind its colon or dash, and all comments around it."""
        around = self._around(piece)
        column = self.source.column(piece.start)
        label = self.source.text[piece.start : piece.label]
        if isinstance(new, dict | list) and new:
            body = self._collection(new, column, around, is_item=piece.key is None)
            return self._below(around.free, piece, label + body + around.below)
        first, *more = self._scalar(piece.value, new, column)
        below, free = around.below, around.free
        end = self.source.line_end(piece.value.end)
        last = "\r\n" if self.source.text[end - 2 : end] == "\r\n" else "\n"
        if more:
            free = (*free, *(line.strip() for line in below.splitlines() if line.strip()))
            below, last = "", self.newline
        inline = (around.between or " ") + first + around.comment
        return self._below(free, piece, label + self.newline.join([inline, *more]) + last + below)

    def _collection(self, new: Collection, column: int, around: _Around, *, is_item: bool) -> str:
        """Return the text behind the label of a collection in block style."""
        block, newline = lines(new, self._layout), self.newline
        columns = column + (2 if is_item else self._layout.offset if isinstance(new, list) else self._layout.step)
        if "\n" in around.between:
            comment = [around.comment.strip()] if around.comment else []
            head = around.between[: around.between.rfind("\n") + 1]
            return head + newline.join(indented([*comment, *block], columns)) + newline
        if is_item:
            return newline.join([f" {block[0]}{around.comment}", *indented(block[1:], columns)]) + newline
        return newline.join([around.comment, *indented(block, columns)]) + newline

    def _around(self, piece: Piece) -> _Around:
        text, node = self.source.text, piece.value
        if node.children and not node.flow:
            old = pieces(self.source, node, self.source.line_end(piece.label))
            gaps = [comments(self.root, self.source, above.stop, below.lead) for above, below in pairwise(old)]
            free = tuple(one for gap in gaps for one in gap)
            between, below = text[piece.label : old[0].lead], text[old[-1].stop : piece.stop]
            head, line_feed, rest = between.partition("\n")
            if rest.strip():
                return _Around(between, below=below, free=free)
            return _Around(" ", head.rstrip("\r") if line_feed and head.strip() else "", below, free)
        between, below = text[piece.label : node.start], text[self.source.line_end(node.end) : piece.stop]
        if node.is_block_scalar:
            header = _BLOCK_HEADER.match(text, node.content)
            return _Around(between, header[2] or "" if header else "", below)
        trailing = _TRAILING.match(text, node.end)
        return _Around(between, trailing[0] if trailing else "", below, tuple(self.free_comments(node)))

    def _scalar(self, node: Node, new: Json, column: int) -> list[str]:
        """Return the lines of a scalar, or an empty collection, in the style of the one that was there."""
        if not isinstance(new, str):
            return [scalar(new)]
        step = self._layout.step
        header = _BLOCK_HEADER.match(self.source.text, node.content) if node.is_block_scalar else None
        if header:
            digits = re.sub(r"\D", "", header[1])
            step = int(digits) if digits else max(len(header[3]) - column, 1)
        if node.style != '"' and (block := literal(new, step, was_block=node.is_block_scalar)):
            return [block[0], *indented(block[1:], column + step)]
        return [quoted(new, node.style, flow=False)]


def _alone(piece: Piece, value: Json) -> Collection:
    return [value] if piece.key is None else {piece.key.value: value}


def _carried(gaps: list[str], stay: set[int | None]) -> dict[int, str]:
    """Return the comments that stood before pieces which are gone, by the next piece that stays, or behind the last."""
    carried: dict[int, str] = {}
    for index, gap in enumerate(gaps):
        if gap.strip() and index not in stay:
            heir = min((other for other in stay if other is not None and other > index), default=len(gaps))
            carried[heir] = carried.get(heir, "") + gap
    return carried
