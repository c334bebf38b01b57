"""Read YAML: parse values, find their places, and refuse what JSON cannot hold.

Values follow the core schema of YAML 1.2. libyaml reads the syntax.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import filterfalse
from typing import Any, Literal, TypeAlias

import ryaml
import yaml

from dlsync.files.yaml.source import InvalidYaml, Source, decode
from dlsync.messages import brief
from dlsync.model import Json, Path

MAX_DEPTH = 100
MAX_ALIASED = 10_000
_EXCERPT = 40
_IN_QUOTES = "expected a string: put a text that begins with '{' or '[' in quotes"
_DIGITS = 4_300  # Python converts no more
_LARGE = 10**18  # ryaml converts a very long integer to a float
_CORE = "tag:yaml.org,2002:"
# as YAML 1.1 says, libyaml refuses some of these characters, takes others for line breaks, and drops others
_FOREIGN = "\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"
_FOREIGN_CHARACTER = re.compile(f"[{_FOREIGN}]")
_SURROGATE_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*+)\\(?=u[dD][89a-fA-F])")  # JSON's escapes of characters above U+FFFF
_FLOW_QUESTION = re.compile(r"\?(?<=[\[{,\s]\?)(?=[^\s,\[\]{}])")  # a plain text in brackets may begin so (7.3.3)
_PRIVATE_USE = range(0xF0000, 0xFFFFE)
# ryaml is libyaml in Rust, and takes a third of the time. It may differ from the composer below in tags and anchors,
# which it does not check, in foreign characters, and in some numbers
_NOT_FOR_RYAML = ("!", "&", "?", "\x7f", "0b")
_SIGNED_ZERO = re.compile(r"[-+]0(?<!\w..)")  # not in `queue-01`: no scalar begins after a letter or digit
_NUMBER_STARTS = frozenset("-+.0123456789")
# scalars that YAML 1.1 may read differently: a cheap test before that of its loader
_MAYBE_AMBIGUOUS = re.compile(r"[-+.0-9].*|yes|no|on|off|=|<<", re.IGNORECASE)

_PROPERTIES = re.compile(r"(?:[&!]\S*+(?:\s|#[^\r\n]*+)++)*+")
_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\r\n]*", re.MULTILINE)
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\r\n]*)")
COLON = re.compile(r"(?:\s|#[^\r\n]*+)*+:")

Form: TypeAlias = Literal["scalar", "list", "mapping", "alias"]
_FORMS: Mapping[type, Form] = {
    yaml.ScalarEvent: "scalar",
    yaml.SequenceStartEvent: "list",
    yaml.MappingStartEvent: "mapping",
    yaml.AliasEvent: "alias",
}


@dataclass(slots=True, eq=False)
class Node:
    """A node of the text.

    :param start: index of its first character, including an anchor or a tag.
    :param end: index after its last character; of a block collection, after its last child.
    :param content: index of its first character after an anchor and a tag.
    :param style: of a scalar: plain (empty), ``'``, ``"``, ``|`` or ``>``.
    :param children: of a mapping: key, value, key, value.
    :param target: the node that an alias refers to.
    """

    form: Form
    start: int
    end: int
    content: int
    style: str = ""
    flow: bool = False
    value: Any = None
    children: list["Node"] = field(default_factory=list)
    target: "Node | None" = None

    def entries(self) -> "Iterator[tuple[Node, Node]]":
        """Yield the keys of a mapping with their values."""
        nodes = iter(self.children if self.form == "mapping" else ())
        return zip(nodes, nodes, strict=True)

    @property
    def is_block_scalar(self) -> bool:
        """Return whether it is a literal or folded block."""
        return self.style in {"|", ">"}

    def walk(self) -> "Iterator[Node]":
        """Yield the node and all below it, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(content: bytes, file: str = "") -> Json:
    """Return the value of a YAML 1.2 document; None for an empty one.

    ``<<`` is an ordinary key, because YAML 1.2 has no merging.

    :param file: for messages; relative to the directory.
    :raises InvalidYaml: the text is not one well-formed document that JSON can hold.
    """
    source = decode(content, file)
    text = source.text
    is_special = "%" in text and (text.startswith("%") or "\n%" in text)
    is_foreign = not text.isascii() and _FOREIGN_CHARACTER.search(text)
    if not (is_special or is_foreign or any(mark in text for mark in _NOT_FOR_RYAML) or _SIGNED_ZERO.search(text)):
        with suppress(ValueError, TypeError):  # not YAML, or a key that Python cannot hash
            value: Json = ryaml.loads(text)  # type: ignore[attr-defined] # its stub lacks the export
            if _is_certain(value):
                return value
    root = compose(source)
    return root.value if root else None


def _is_certain(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Return whether ryaml's value is JSON, not nested too deeply, and equal to the value of :func:`compose`."""
    if isinstance(value, str):  # ryaml reads `012` as a text
        return value[:1] not in _NUMBER_STARTS or isinstance(plain_value(value), str)
    if isinstance(value, dict):
        keys_are_certain = all(isinstance(key, str) and _is_certain(key) for key in value)
        return levels > 0 and keys_are_certain and all(_is_certain(inner, levels - 1) for inner in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_is_certain(inner, levels - 1) for inner in value)
    return value is None or bool(abs(value) < _LARGE)


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _number(text: str) -> float:
    number = float(text)  # refuses `.inf` and `.nan`
    if not math.isfinite(number):
        raise ValueError
    return number


# https://yaml.org/spec/1.2.2/#103-core-schema; by tag: its plain scalars, their conversion, and what an error expects.
# JSON has no infinity and no not-a-number
_SCALARS: Mapping[str, tuple[str, Callable[[str], Json], str]] = {
    "null": (r"null|Null|NULL|~|", lambda _: None, "null"),
    "bool": (r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true", "true or false"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", _integer, f"an integer of at most {_DIGITS:,} digits"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        _number,
        "a finite number",
    ),
}


@lru_cache(maxsize=16_384)  # documents repeat their words
def plain_value(text: str) -> Json:
    """Return the value of a plain scalar in the core schema.

    :raises ValueError: the number is not finite, or too large.
    """
    tag = next((tag for tag, (pattern, _, _) in _SCALARS.items() if re.fullmatch(pattern, text)), "str")
    return _tagged_value(text, tag)


def _tagged_value(text: str, tag: str) -> Json:
    if tag in {"!", "str"}:
        return text
    if tag not in _SCALARS:
        raise ValueError("this tag is unknown; put a text that begins with '!' in quotes")
    pattern, convert, expected = _SCALARS[tag]
    try:
        if re.fullmatch(pattern, text):
            return convert(text)
    except ValueError:
        pass
    raise ValueError(f"expected {expected}")


def _is_ambiguous(text: str) -> bool:
    if not _MAYBE_AMBIGUOUS.fullmatch(text):
        return False
    try:
        other = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):  # `<<` alone, an invalid date
        return True
    value = plain_value(text)
    return type(other) is not type(value) or other != value


def compose(source: Source) -> Node | None:
    """Return the root of the document in the text; None if there is none.

    :raises InvalidYaml: see :func:`parse`.
    """
    composer = _Composer(source)
    try:
        return composer.root()
    except yaml.MarkedYAMLError as error:
        unclosed = next((node.content for node in reversed(composer.enclosing) if node.flow), None)
        raise source.syntax_fault(error, unclosed) from None
    finally:
        composer.parser.dispose()


class _Masks:
    """Replace what libyaml does not read as YAML 1.2 by masks: private characters that the text does not hold."""

    def __init__(self, text: str) -> None:
        unused = filterfalse(set(text).__contains__, map(chr, _PRIVATE_USE))
        self._backslash, question = next(unused), next(unused)
        foreign = {ord(character): next(unused) for character in set(_FOREIGN_CHARACTER.findall(text))}
        self.text = _FLOW_QUESTION.sub(question, _SURROGATE_ESCAPE.sub(rf"\1{self._backslash}", text))
        self.text = self.text.translate(foreign)
        self._originals = {ord(question): "?", **{ord(mask): chr(code) for code, mask in foreign.items()}}

    def unmasked(self, text: str, style: str) -> str:
        """Return the value of a scalar with the original characters.

        :raises ValueError: it holds half of a surrogate pair.
        """
        if text.isascii():
            return text
        if self._backslash in text and style == '"':
            text = re.sub(f"{self._backslash}u([0-9a-fA-F]{{4}})", lambda found: chr(int(found[1], 16)), text)
            try:
                text = text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                raise ValueError("half of a surrogate pair is no character") from None
        return text.replace(self._backslash, "\\").translate(self._originals)


class _Composer:
    """Build the nodes of one text from libyaml's events."""

    def __init__(self, source: Source) -> None:
        self.enclosing: list[Node] = []
        self._source = source
        self._masks = _Masks(source.text)
        self.parser: Any = yaml.CBaseLoader(self._masks.text)
        self._anchors: dict[str, Node] = {}
        self._aliased = 0

    def root(self) -> Node | None:
        root: Node | None = None
        for event in iter(self.parser.get_event, None):
            is_document = isinstance(event, yaml.DocumentStartEvent)
            if is_document and root:
                message = "a second document begins here; put it into a file of its own"
                raise self._source.fault(event.start_mark.index, message)
            if is_document and (event.version not in {None, (1, 2)} or event.tags):
                raise self._source.fault(0, "found a directive; expected YAML 1.2 without %TAG")
            if is_document:
                root = self._node()
        return root

    def _node(self) -> Node:
        event = self.parser.get_event()
        start, end = event.start_mark.index, event.end_mark.index
        node = Node(_FORMS[type(event)], start, end, start)
        if node.form == "alias":
            self._resolve(node, event.anchor)
            return node
        if event.anchor:
            self._anchors[event.anchor] = node
        if (event.anchor or event.tag) and (found := _PROPERTIES.match(self._source.text, start)):
            node.content = min(found.end(), end) if node.form == "scalar" else found.end()
        if node.form == "scalar":
            node.style = event.style or ""
            node.value = self._scalar(node, event)
            if node.is_block_scalar:
                node.end = self._last_line(node)
            return node
        self._check_depth(node, len(self.enclosing) + 1)
        if event.tag not in {None, _CORE + ("map" if node.form == "mapping" else "seq")}:
            tag = event.tag.replace(_CORE, "!!", 1)
            raise self._source.fault(start, f"found the tag {tag} on a {node.form}; expected no tag")
        node.flow = bool(event.flow_style)
        node.value = {} if node.form == "mapping" else []
        self.enclosing.append(node)
        while not self.parser.check_event(yaml.SequenceEndEvent, yaml.MappingEndEvent):
            self._add(node, self._node())
        closing = self.parser.get_event().end_mark.index
        node.end = closing if node.flow else max(end, *(child.end for child in node.children))
        return self.enclosing.pop()

    def _scalar(self, node: Node, event: Any) -> Json:
        try:
            text = self._masks.unmasked(event.value, node.style)
            if event.tag is not None:
                return _tagged_value(text, event.tag.removeprefix(_CORE))
            return plain_value(text) if event.implicit[0] else text
        except ValueError as error:
            written = self._source.text[node.start : node.end]
            excerpt = written if len(written) <= _EXCERPT else f"{written[:_EXCERPT]}…"
            raise self._source.fault(node.start, f"found {excerpt}; {error}") from None

    def _last_line(self, node: Node) -> int:
        # libyaml's end is the beginning of the next node
        written = self._source.text[node.content : node.end]
        if "+" in written.split("\n", 1)[0].split("#")[0]:  # blank lines are part of the value
            return node.content + len(written.removesuffix("\n").removesuffix("\r"))
        return node.content + len(written.rstrip(" \t\r\n"))

    def _check_depth(self, node: Node, level: int) -> None:
        if level > MAX_DEPTH:
            raise self._source.fault(node.start, f"nested more than {MAX_DEPTH} levels deep")

    def _resolve(self, node: Node, name: str) -> None:
        node.target = target = self._anchors.get(name)
        if target is None:
            message = f"the alias *{name} is not defined above; put a text that begins with '*' in quotes"
            raise self._source.fault(node.start, message)
        if any(target is outer for outer in self.enclosing):
            raise self._source.fault(node.start, f"the alias *{name} stands for a collection that contains it")
        node.value = self._copied(target.value, node, len(self.enclosing) + 1)

    def _copied(self, value: Json, alias: Node, level: int) -> Json:
        self._aliased += 1
        if self._aliased > MAX_ALIASED:
            raise self._source.fault(alias.start, f"the aliases expand to more than {MAX_ALIASED:,} values")
        if not isinstance(value, dict | list):
            return value
        self._check_depth(alias, level)
        if isinstance(value, dict):
            return {key: self._copied(inner, alias, level + 1) for key, inner in value.items()}
        return [self._copied(inner, alias, level + 1) for inner in value]

    def _add(self, parent: Node, node: Node) -> None:
        if parent.form == "list":
            parent.value.append(node.value)
        elif len(parent.children) % 2:
            key = parent.children[-1]
            parent.value[key.value] = node.value
            if node.form == "scalar" and node.start == node.end:  # libyaml reports the place of the next node
                colon = COLON.match(self._source.text, key.end, node.start)
                node.start = node.end = node.content = colon.end() if colon else key.end
        else:
            self._check_key(parent, node)
        parent.children.append(node)

    def _check_key(self, parent: Node, node: Node) -> None:
        key = node.value
        if isinstance(key, dict | list):
            raise self._source.fault(node.start, f"found {brief(key)} as a key; {_IN_QUOTES}")
        if not isinstance(key, str):
            found = self._source.text[node.start : node.end] or "nothing"
            raise self._source.fault(node.start, f"found {found} as a key; expected a string: put it in quotes")
        if key in parent.value:
            first = next(other for other, _ in parent.entries() if other.value == key)
            line, _ = self._source.place(first.start)
            message = f"the key {key!r} is on line {line} already; remove one of the two"
            raise self._source.fault(node.start, message)


def comments(root: Node | None, source: Source, start: int = 0, stop: int | None = None) -> list[str]:
    """Return the comments between two indexes, each without the white space around it."""
    stop = len(source.text) if stop is None else stop
    found: list[str] = []
    for node in root.walk() if root else ():
        if node.form in {"list", "mapping"} or node.start < start or node.end > stop:
            continue
        found += _COMMENT.findall(source.text, start, node.start)
        header = _HEADER_COMMENT.match(source.text, node.content) if node.is_block_scalar else None
        found += [header[1]] if header else []
        start = node.end
    return [comment.rstrip() for comment in [*found, *_COMMENT.findall(source.text, start, stop)]]


def _composed(content: bytes) -> tuple[Source, Node | None]:
    """Return the characters and the root of a text; no root if it cannot be parsed."""
    try:
        source = decode(content)
        return source, compose(source)
    except InvalidYaml:
        return Source(""), None


def positions(content: bytes) -> Mapping[Path, tuple[int, int]]:
    """Return the line and column, from 1, of every path: those of the key in a mapping, those of the item in a list.

    The root is ``()``. Values of an alias have the places of its anchor. A text that cannot be parsed has no paths.
    """
    source, root = _composed(content)
    return {path: source.place(index) for path, index, _ in _places(root, (), root.start)} if root else {}


def numbers(content: bytes) -> dict[Path, str]:
    """Return the numbers of a text by their paths, each in its spelling: ``1.10``, ``007``, ``0x1F``."""
    source, root = _composed(content)
    found = [(path, node) for path, _, node in _places(root, (), 0)] if root else []
    are_numbers = [(path, node) for path, node in found if type(node.value) in {int, float}]
    return {path: source.text[node.content : node.end] for path, node in are_numbers}


def _places(node: Node, path: Path, index: int) -> Iterator[tuple[Path, int, Node]]:
    node = node.target or node
    yield path, index, node
    for number, child in enumerate(node.children if node.form == "list" else ()):
        yield from _places(child, (*path, number), child.start)
    for key, value in node.entries():
        yield from _places(value, (*path, key.value), key.start)


def nearest(places: Mapping[Path, tuple[int, int]], path: Path) -> tuple[int, int] | tuple[None, None]:
    """Return the place of a path, or if :func:`positions` has none, the place of the closest value around it."""
    enclosing = (path[:length] for length in range(len(path), -1, -1))
    return next((places[outer] for outer in enclosing if outer in places), (None, None))


def ambiguous_scalars(content: bytes) -> list[tuple[int, int, str]]:
    """Return the scalars without quotes that YAML 1.1 reads as another value: ``on``, ``12:30``, ``0777``, dates.

    :returns: line and column, from 1, and the text of the scalar; nothing if the text cannot be parsed.
    """
    source, root = _composed(content)
    plain = [node for node in root.walk() if node.form == "scalar" and not node.style] if root else []
    untagged = [node for node in plain if "!" not in source.text[node.start : node.content]]
    written = [(node.content, source.text[node.content : node.end]) for node in untagged]
    return [(*source.place(start), text) for start, text in written if _is_ambiguous(text)]
