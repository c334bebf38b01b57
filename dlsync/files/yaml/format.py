"""Format a text in the house style of ``dump``, with its comments."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from itertools import chain, dropwhile, takewhile

from dlsync.files.yaml.dump import indented, lines, literal, string
from dlsync.files.yaml.pieces import Piece, Unspliceable, pieces, same
from dlsync.files.yaml.read import Node, comments, compose, parse
from dlsync.files.yaml.source import InvalidYaml, Source, decode
from dlsync.model import Json, Path

Order = Callable[[Path, Collection[str]], list[str]]


def formatted(content: bytes, order: Order, file: str = "") -> bytes:
    """Return the text in the house style, with the same value and comments, and no two blank lines in a row.

    :param order: returns the keys of the mapping at a path in their order; in a mapping with a free-standing comment,
        the keys keep their order.
    :param file: for messages; relative to the directory.
    :raises Unspliceable: the text has anchors, or a comment would be lost.
    :raises InvalidYaml: it is not YAML.
    """
    source = decode(content, file)
    if not source.text.endswith("\n"):
        source = replace(source, text=source.text + source.newline)
    root = compose(source)
    if root is None or not root.children:
        return content
    result = source.newline.join([*_Formatter(source, root, order).document(), ""]).encode()
    with suppress(InvalidYaml):
        new = decode(result)
        is_same = not any(node.target for node in root.walk()) and same(parse(result), root.value)
        if is_same and sorted(comments(compose(new), new)) == sorted(comments(root, source)):
            return result
    raise Unspliceable


class _Formatter:
    """Format the collections of one text; methods return lines as for a collection at column 0."""

    def __init__(self, source: Source, root: Node, order: Order) -> None:
        self._source = source
        self._root = root
        self._order = order

    def document(self) -> list[str]:
        """Return the lines of the text."""
        end = len(self._source.text)
        if not self._root.flow:
            return self._block(self._root, (), 0, end)
        head, tail = self._between(0, self._root.start), self._between(self._source.line_end(self._root.end), end)
        return _trimmed([*head, *lines(self._arranged(self._root.value, ())), *tail])

    def _block(self, node: Node, path: Path, begin: int, end: int) -> list[str]:
        """Return the lines of a block collection, with the comments between two places around it."""
        old = pieces(self._source, node, begin)
        places = [begin, *(piece.stop for piece in old)]
        above = [self._between(stop, piece.start) for stop, piece in zip(places, old, strict=False)]
        cut = len(above[0]) - above[0][::-1].index("") if "" in above[0] and not path else 0
        head, tail = above[0][:cut], self._between(places[-1], end)  # of the file, not of its first key
        names = [key.value for key, _ in node.entries()]
        order = [names.index(name) for name in self._order(path, names)] or [*range(len(old))]
        first = 0 if path else 1
        loose = [self._between(stop, piece.lead) for stop, piece in zip(places[first:], old[first:], strict=False)]
        is_first_fixed = not (path or head) and above[0] and order[0]
        if is_first_fixed or any(line for remarks in (*loose, tail) for line in remarks):
            order.sort()
        above[0] = above[0][cut:]
        bodies = [[*above[at], *self._entry(old[at], (*path, names[at] if names else 0))] for at in order]
        if head:  # it ends in a blank line
            bodies[0] = [*dropwhile(lambda line: not line, bodies[0])]
        return _trimmed([*head, *chain.from_iterable(bodies), *tail])

    def _entry(self, piece: Piece, path: Path) -> list[str]:
        node, source = piece.value, self._source
        if not node.children or node.flow:
            return self._leaf(piece, path)
        first = pieces(source, node, source.line_end(piece.label))[0]
        begin = min(source.line_end(piece.label), first.start)
        remark = source.text[piece.label : begin].strip()
        if remark and not remark.startswith("#"):  # an anchor or a tag
            raise Unspliceable
        inner = self._block(node, path, begin, piece.stop)
        if piece.key:
            return [f"{string(piece.key.value)}: {remark}".rstrip(), *indented(inner, 2)]
        head = [*takewhile(lambda line: not line or line.startswith("#"), inner)]
        first_line, *rest = inner[len(head) :]
        return [*filter(None, [remark, *head]), f"- {first_line}", *indented(rest, 2)]

    def _leaf(self, piece: Piece, path: Path) -> list[str]:
        """Return the lines of a scalar or a collection in brackets, with its comments after, below or above it."""
        node, end = piece.value, self._source.line_end(piece.value.end)
        if node.flow and comments(self._root, self._source, node.start, node.end):
            raise Unspliceable
        value = self._arranged(node.value, path)
        written = lines({piece.key.value: value} if piece.key else [value])
        if node.is_block_scalar and (block := literal(node.value, was_block=True)):  # dump may put it in quotes
            label = f"{string(piece.key.value)}:" if piece.key else "-"
            written = [f"{label} {block[0]}", *indented(block[1:], 2)]
        above = comments(self._root, self._source, piece.label, end)
        if above and (piece.key or len(written) == 1 or not node.children):
            written[0] += f" {above.pop()}"
        return [*above, *written, *indented(self._between(end, piece.stop), 2)]

    def _arranged(self, value: Json, path: Path) -> Json:
        if isinstance(value, list):
            return [self._arranged(item, (*path, 0)) for item in value]
        if not isinstance(value, dict):
            return value
        return {name: self._arranged(value[name], (*path, name)) for name in self._order(path, value)}

    def _between(self, start: int, stop: int) -> list[str]:
        """Return the comment and blank lines between two places."""
        found = [line.strip() for line in self._source.text[start:stop].split("\n")[:-1]]
        found = [line for line in found if not line or line.startswith("#")]
        return [line for line, above in zip(found, ["#", *found], strict=False) if line or above]


def _trimmed(written: list[str]) -> list[str]:
    """Return lines without blank lines at either end."""
    while written and not written[-1]:
        written.pop()
    return [*dropwhile(lambda line: not line, written)]
