"""Edit a text to hold another document: change only the lines that must change, and keep comments with their items.

Each edited piece is parsed by itself. If its value is wrong, the piece is written from its value, below its comments;
if that is impossible, the enclosing collection is written so.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain, pairwise

from dlsync.files.yaml.dump import HOUSE, Layout, dump, indented, lines, literal, scalar, string
from dlsync.files.yaml.flow import FlowEditor, Pairing, Part
from dlsync.files.yaml.pieces import Collection, Piece, Unspliceable, continues, pieces, same
from dlsync.files.yaml.read import Node, comments, compose, parse
from dlsync.files.yaml.source import BOM, InvalidYaml, Source, decode
from dlsync.model import Json, Path

_TRAILING = re.compile(r"(?P<comment>[ \t]+#[^\r\n]*)")
_REST_OF_LINE = re.compile(r"[ \t]*(#[^\r\n]*)?(?:\r\n|[\r\n])?")
_BLOCK_HEADER = re.compile(r"[|>](?P<indicators>[-+0-9]*)(?P<comment>[ \t]+#[^\r\n]*)?(?:\r?\n)*(?P<indent> *)")
_LEADING_COMMENTS = re.compile(r"(?:[ \t]*+(?:#[^\r\n]*+)?(?:\r\n|[\r\n]))*+")


def rewrite(content: bytes, document: Json, pair: Pairing) -> bytes:
    """Edit the text so that ``parse`` returns the document; the text of unchanged values stays, byte for byte.

    A text that is not YAML is replaced as a whole.

    :param pair: returns the positions of the same items in two lists: those at a path before and after.
    :raises InvalidYaml: no file can hold the document; see ``dump``.
    """
    anew = dump(document)
    try:
        source = decode(content)
        root = compose(source)
    except InvalidYaml:
        return anew
    if same(root.value if root else None, document):
        return content
    ended, block, stripped = source, "", ""
    if source.text and not source.text.endswith(("\n", "\r")):
        block, stripped = _last_block(source, root)
        ended = replace(source, text=source.text.removesuffix(block) + stripped + source.newline)
        root = compose(ended)
    bom = BOM if source.bom else ""
    for text in _candidates(ended, root, document, pair):
        unended = text.removesuffix("\n").removesuffix("\r")
        restored = unended.removesuffix(stripped) + block if unended.endswith(stripped) else unended
        for ending in (text,) if ended is source else (restored, text):  # a block scalar may need its last line feed
            if _means(ending, document):
                return (bom + ending).encode()
    leading = _LEADING_COMMENTS.match(ended.text)
    head = leading[0] if leading else ""
    rest = "".join(f"{comment}\n" for comment in comments(root, source, len(head)))
    return (bom + head.lstrip("\r\n") + rest).encode() + anew


def _candidates(source: Source, root: Node | None, document: Json, pair: Pairing) -> Iterator[str]:
    """Yield texts that should hold the document, in the order of their changes, fewest first."""
    if root is not None and continues(document, root):
        targets = {node.target: None for node in root.walk() if node.target}
        for expand in dict.fromkeys(map(frozenset, ((), *zip(targets), targets))):
            with suppress(Unspliceable):
                yield _Editor(source, root, pair, expand).root_edited(document)
    yield _root_replaced(source, root, document)


def _last_block(source: Source, root: Node | None) -> tuple[str, str]:
    """Return the block scalar at the end of a text without a line feed, and how to write it before a line feed."""
    last = [*root.walk()][-1] if root else None
    if last is None or not last.is_block_scalar or last.value.endswith("\n"):
        return "", ""
    block = source.text[last.content + 1 :]
    return block, re.sub(r"[-+]?(\d?)[-+]?", r"\1-", block, count=1)


def _means(text: str, document: Json) -> bool:
    try:
        return same(parse(text.encode()), document)
    except InvalidYaml:
        return False


def _root_replaced(source: Source, root: Node | None, document: Json) -> str:
    """Return the text with its whole document replaced; keep the comments around it and between its items."""
    text, newline = source.text, source.newline
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
    return before + newline.join([*free, *lines(document)]) + newline + text[behind.end() if behind else stop :]


class _Editor(FlowEditor):
    """Edit one text by the pieces of its block collections."""

    @cached_property
    def _layout(self) -> Layout:
        """The indentation of the first nested mapping and the first list in the text, by default the house style."""
        found = HOUSE._asdict()
        for key, value in reversed([entry for node in self.root.walk() for entry in node.entries()]):
            columns = self.source.column(value.start) - self.source.column(key.start)
            below = self.source.line_start(value.start) != self.source.line_start(key.start)
            if value.children and not value.flow and below and columns >= 0 and value.start == value.content:
                found["offset" if value.form == "list" else "step"] = columns
        return Layout(**found)

    def root_edited(self, new: Collection) -> str:
        """Return the whole text with a new value of its root, a collection that is not empty."""
        start, stop, inner = self._edited(self.root, new, (), 0)
        return self.source.text[:start] + inner + self.source.text[stop:]

    def _edited(self, node: Node, new: Collection, path: Path, below: int) -> tuple[int, int, str]:
        """Return the beginning and the end of a collection with its comments, and its new text."""
        if node.flow:
            return node.start, node.end, self.flow_edited(node, new, path)
        old = pieces(self.source, node, below)
        parts = self.parts(node, new, path, partial(self._piece, old), partial(self._fresh, old[0]))
        return old[0].lead, old[-1].stop, self._assembled(old, parts)

    def _fresh(self, sibling: Piece, collection: Collection) -> str:
        first, *rest = lines(collection, self._layout)
        return self._lines([first, *indented(rest, self.source.column(sibling.start))])

    def _lines(self, block: list[str]) -> str:
        return self.source.newline.join(block) + self.source.newline

    def _assembled(self, old: list[Piece], parts: list[Part]) -> str:
        """Return the text of a block collection with other parts, without the indentation of its first line.

        A gap with comments stays before its piece; if that is removed, the gap goes before the next piece that stays.
        Blank lines stay between two old neighbours; new neighbours get the most common blank lines of the collection.
        """
        indent = " " * self.source.column(old[0].start)
        text = self.source.text
        gaps = ["", *(text[one.stop : self.source.line_start(two.lead)] for one, two in pairwise(old))]
        usual = Counter(gap for gap in gaps[1:] if not gap.strip()).most_common(1)
        carried = _carried(gaps, {index for index, _ in parts})
        result = ""
        before: int | None = None
        for index, part in parts:
            gap = usual[0][0] if usual else ""
            if index is not None:
                stays = gaps[index].strip() or before == index - 1
                gap = carried.pop(index, "") + (gaps[index] if stays else gap)
            if not result:
                gap = gap.lstrip()
            result += gap + (indent if result or gap else "") + part
            before = index
        return result + "".join(carried.values())

    def _piece(self, old: list[Piece], index: int, new: Json, path: Path) -> str:
        """Return the text of a piece with a new value: edited in place, or if that fails, written from the value."""
        piece = old[index]
        text, column = self.source.text, self.source.column(piece.start)
        if self.is_unchanged(piece.value, new):
            return text[piece.lead : piece.stop]
        alone: Collection = [new] if piece.key is None else {piece.key.value: new}
        with suppress(Unspliceable):
            if continues(new, piece.value):
                start, stop, inner = self._edited(piece.value, new, path, self.source.line_end(piece.label))
                changed = text[piece.lead : start] + inner + text[stop : piece.stop]
            else:
                changed = self._replaced(piece, new, column)
            # a block at the end may have no line feed
            whole = " " * column + changed
            ended = _means(whole, alone) or _means(whole.removesuffix("\n").removesuffix("\r"), alone)
            inside = chain(piece.key.walk() if piece.key else (), piece.value.walk())
            # an alias cannot be parsed by itself: its anchor is elsewhere
            if ended or any(node.target and node.target not in self.expand for node in inside):
                return changed
        return self._below(comments(self.root, self.source, piece.start, piece.stop), piece, self._fresh(piece, alone))

    def _below(self, above: Iterable[str], piece: Piece, text: str) -> str:
        """Return a piece with a new text after its comments, and with more comments above that text."""
        margin = self.source.newline + " " * self.source.column(piece.start)
        return self.source.text[piece.lead : piece.start] + "".join(comment + margin for comment in above) + text

    def _replaced(self, piece: Piece, new: Json, column: int) -> str:
        """Return a piece with a new value after its colon or dash; keep all comments around the value."""
        between, comment, below, free = self._around(piece)
        label = self.source.text[piece.start : piece.label]
        if isinstance(new, dict | list) and new:
            step = self._layout.offset if isinstance(new, list) else self._layout.step
            columns = column + (step if piece.key else 2)
            head = between[: between.rfind("\n") + 1]
            first, *rest = block = lines(new, self._layout)
            if head:
                body = self._lines(indented([*filter(None, [comment.strip()]), *block], columns))
            elif piece.key:
                body = self._lines([comment, *indented(block, columns)])
            else:
                body = self._lines([f" {first}{comment}", *indented(rest, columns)])
            return self._below(free, piece, label + head + body + below)
        first, *more = self._scalar(piece.value, new, column)
        between = (between or " ") + self.anchor(piece.value)
        end = self.source.line_end(piece.value.end)
        last = "\r\n" if self.source.text[end - 2 : end] == "\r\n" else "\n"
        if more:
            free += [line.strip() for line in below.splitlines() if line.strip()]
            below, last = "", self.source.newline
        inline = self.source.newline.join([between + first + comment, *more])
        return self._below(free, piece, label + inline + last + below)

    def _around(self, piece: Piece) -> tuple[str, str, str, list[str]]:
        """Return the texts around the value of a piece.

        :returns: the text between its label and the value, the comment after the value, on its line, the lines below,
            and the comments inside the value that belong to no item.
        """
        text, node = self.source.text, piece.value
        if node.children and not node.flow:
            old = pieces(self.source, node, self.source.line_end(piece.label))
            gaps = (comments(self.root, self.source, above.stop, below.lead) for above, below in pairwise(old))
            between, behind = text[piece.label : old[0].lead], text[old[-1].stop : piece.stop]
            head, line_feed, rest = between.partition("\n")
            comment = "" if rest.strip() else head.rstrip("\r") if line_feed and head.strip() else ""
            return between if rest.strip() else " ", comment, behind, [*chain.from_iterable(gaps)]
        between, behind = text[piece.label : node.start], text[self.source.line_end(node.end) : piece.stop]
        found = _BLOCK_HEADER.match(text, node.content) if node.is_block_scalar else _TRAILING.match(text, node.end)
        return between, (found and found["comment"]) or "", behind, self.free_comments(node)

    def _scalar(self, node: Node, new: Json, column: int) -> list[str]:
        """Return the lines of a scalar, or an empty collection, in the style of the old value."""
        if not isinstance(new, str):
            return [scalar(new)]
        step = self._layout.step
        header = _BLOCK_HEADER.match(self.source.text, node.content) if node.is_block_scalar else None
        if header:
            digits = re.sub(r"\D", "", header["indicators"])
            step = int(digits) if digits else max(len(header["indent"]) - column, 1)
        if node.style != '"' and (block := literal(new, step, was_block=node.is_block_scalar)):
            return [block[0], *indented(block[1:], column + step)]
        return [string(new, node.style)]


def _carried(gaps: list[str], stay: set[int | None]) -> dict[int, str]:
    """Return the comments above removed pieces, by the index of the next piece that stays; after all pieces if none."""
    carried: dict[int, str] = {}
    for index, gap in enumerate(gaps):
        if gap.strip() and index not in stay:
            heir = min((other for other in stay if other is not None and other > index), default=len(gaps))
            carried[heir] = carried.get(heir, "") + gap
    return carried
