"""Strategies for YAML: values, their spellings, and texts that may be YAML."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dlsync.files.yaml.dump import literal, scalar, string

if TYPE_CHECKING:
    from dlsync.model import Json

TRICKY = (
    "yes no on off y n null ~ true 012 1_000 12:30:45 2001-01-01 0o7 1e3 0x1f .inf .nan << = - ? : -- --- ... +1 -.5 "
    "#c &a *a !t |- > % @ ` [] {} [a {b ,c ' \" '' a:b a: \\"
)
SPACED = ("", " ", "a: b", "a #b", "two\nlines", "a\n\n b\n", "\ta", "é😀", "\x85\u2028\ufeff", "a\n\n")
TEXTS = st.sampled_from([*TRICKY.split(), *SPACED]) | st.text(st.characters(codec="utf-8"), max_size=8)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
ITEMS = st.dictionaries(st.sampled_from(["title", "row", "color", "series"]), VALUES, max_size=4)
DOCUMENTS: st.SearchStrategy[dict[str, Json]] = st.dictionaries(TEXTS, VALUES | st.lists(ITEMS, max_size=4), max_size=5)
FRAGMENTS = (
    "a b c 1 0 1.5 .5 1e3 0x1f 0o7 0b1 _ 1_0 -1 +1 ~ null true << = & * &a *a ! !!str % @ ` --- ... 12:30 .inf e x o . "
    "+ [ ] { } , : - ? # ' \" '' | > |- >- |+ |2 \\ \\n \\x {a} k0:"
)
SPACES = (
    "",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    ": ",
    ":\n",
    ":\n  ",
    "\r\n",
    "\t",
    " # c\n",
    "é",
)


def maybe_yaml() -> st.SearchStrategy[str]:
    """Return a strategy for texts from fragments of YAML, most of which are invalid."""
    space = st.sampled_from(SPACES)
    part = st.tuples(space, st.sampled_from(FRAGMENTS.split()), space).map("".join)
    return st.lists(part, min_size=1, max_size=7).map("".join)


@dataclass
class Spelling:
    """The style of a file, with comments and anchors.

    :param comments: the inserted comments.
    :param anchors: the anchor of each text.
    """

    random: Random
    step: int
    offset: int
    plain: bool = False
    comments: list[str] = field(default_factory=list)
    anchors: dict[str, str] = field(default_factory=dict)

    def often(self, share: float) -> bool:
        return not self.plain and self.random.random() < share

    def comment(self) -> str:
        self.comments.append(f"# comment {len(self.comments)}.")
        return self.comments[-1]

    def above(self) -> list[str]:
        return [self.comment() if self.random.random() < 0.7 else "" for _ in range(2) if self.often(0.2)]

    def scalar(self, value: Json, *, flow: bool = False) -> str:
        if not isinstance(value, str):
            return scalar(value)
        if value in self.anchors and self.often(0.5):
            return f"*{self.anchors[value]}"
        anchor = self.anchors.setdefault(value, f"n{len(self.anchors)}") if self.often(0.03) else ""
        if anchor and self.anchors[value] != anchor:
            anchor = ""
        text = self.quoted(value) if self.often(0.4) else string(value, flow=flow)
        return f"&{anchor} {text}" if anchor else text

    def quoted(self, value: str) -> str:
        return string(value, "'" if self.often(0.5) else '"')

    def flow(self, value: Json) -> str:
        if isinstance(value, dict):
            inner = [f"{self.key(key, flow=True)}: {self.flow(item)}" for key, item in value.items()]
            return self.brackets("{", inner, "}")
        if isinstance(value, list):
            return self.brackets("[", [self.flow(item) for item in value], "]")
        return self.scalar(value, flow=True)

    def brackets(self, opening: str, inner: list[str], closing: str) -> str:
        if not self.often(0.3):
            return opening + ", ".join(inner) + closing
        lines = [opening + self.trailing()]
        for number, text in enumerate(inner, 1):
            comma = "," if number < len(inner) or self.often(0.3) else ""
            block = [*self.above(), *f"{text}{comma}{self.trailing()}".split("\n")]
            lines += self.indented(block, 2)
        return "\n".join([*lines, *self.indented(self.above(), 2), closing])

    def key(self, key: str, *, flow: bool = False) -> str:
        return self.quoted(key) if self.often(0.1) else string(key, flow=flow)

    def trailing(self) -> str:
        return f"  {self.comment()}" if self.often(0.15) else ""

    def block(self, value: Json) -> list[str]:
        """Return the lines of a collection that is not empty."""
        if isinstance(value, dict):
            return [line for key, inner in value.items() for line in [*self.above(), *self.entry(key, inner)]]
        assert isinstance(value, list)
        return [line for inner in value for line in [*self.above(), *self.item(inner)]]

    def entry(self, key: str, value: Json) -> list[str]:
        label = f"{self.key(key)}:"
        if value and isinstance(value, dict | list) and not self.often(0.2):
            columns = self.offset if isinstance(value, list) else self.step
            return [label + self.trailing(), *self.indented(self.block(value), columns)]
        return self.inline(label, value, self.step)

    def item(self, value: Json) -> list[str]:
        if value and isinstance(value, dict | list) and not self.often(0.2):
            first, *rest = self.block(value)
            head = [f"- {first}"] if first else ["-"]
            return [*head, *self.indented(rest, 2)]
        return self.inline("-", value, 2)

    def inline(self, label: str, value: Json, columns: int) -> list[str]:
        block = literal(value) if isinstance(value, str) and self.often(0.9) else None
        if block:
            return [f"{label} {block[0]}{self.trailing()}", *self.indented(block[1:], columns)]
        if value is None and self.often(0.3):
            return [label + self.trailing()]
        space = "   " if self.often(0.05) else " "
        first, *rest = (self.flow(value) + self.trailing()).split("\n")
        if self.often(0.1) and first:
            between = [line or "# nothing" for line in self.above()]
            return [label + self.trailing(), *self.indented([*between, first, *rest], columns)]
        return [label + space + first, *self.indented(rest, columns)]

    def indented(self, block: list[str], columns: int) -> list[str]:
        return [" " * columns + line if line else line for line in block]


@dataclass(frozen=True)
class Written:
    """A file, its comments, and whether the document is in flow style."""

    content: bytes
    comments: tuple[str, ...]
    is_flow: bool


@st.composite
def spelled(draw: st.DrawFn, document: dict[str, Json]) -> Written:
    """Draw a file with the document, in any style."""
    spelling = Spelling(
        Random(draw(st.integers(0, 2**32))), draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([0, 1, 2, 4]))
    )
    is_flow = not document or draw(st.integers(0, 3)) == 0
    if is_flow:
        text = draw(st.sampled_from([json.dumps(document), json.dumps(document, indent=2), spelling.flow(document)]))
    else:
        text = "\n".join(spelling.block(document))
    text = draw(st.sampled_from(["", "# head\n", "---\n", "\n", "# head\n\n"])) + text
    text += draw(st.sampled_from(["\n", "\n", "\n# end\n", "\n\n", "" if "\n" not in str(document) else "\n"]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    comments = tuple(comment for comment in spelling.comments if comment in text)
    return Written(draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode(), comments, is_flow)


@st.composite
def edited(draw: st.DrawFn, value: Json) -> Json:
    """Draw a value with changed, added, removed or moved parts."""
    if isinstance(value, dict):
        result = {**value}
        for key in value:
            if draw(st.booleans()):
                result[key] = draw(edited(value[key]))
        removes = draw(st.booleans())
        if result and removes:
            del result[draw(st.sampled_from(list(result)))]
        added: dict[str, Json] = draw(st.dictionaries(TEXTS, VALUES, max_size=1))
        return {**result, **added}
    if isinstance(value, list):
        items = [draw(edited(inner)) if draw(st.booleans()) else inner for inner in value]
        items = draw(st.permutations(items)) if draw(st.booleans()) else items
        return [*items[draw(st.integers(0, 1)) :], *draw(st.lists(VALUES, max_size=1))]
    return draw(LEAVES)


@st.composite
def altered(draw: st.DrawFn, value: Json) -> Json:
    """Draw a value with other scalars and additions, but without removals."""
    if value and isinstance(value, dict):
        result = {key: draw(altered(inner)) if draw(st.booleans()) else inner for key, inner in value.items()}
        return {**draw(st.dictionaries(TEXTS, VALUES, max_size=1)), **result}
    if value and isinstance(value, list):
        return [*(draw(altered(inner)) for inner in value), *draw(st.lists(VALUES, max_size=1))]
    return draw(VALUES)


@st.composite
def with_planted(draw: st.DrawFn, value: dict[str, Json], key: str, scalar: str) -> dict[str, Json]:
    """Draw a document with a key added somewhere."""
    collections = {name: inner for name, inner in value.items() if inner and isinstance(inner, dict | list)}
    if not collections or draw(st.booleans()):
        return {**value, key: scalar}
    name = draw(st.sampled_from(sorted(collections)))
    inner = collections[name]
    if isinstance(inner, dict):
        return {**value, name: draw(with_planted(inner, key, scalar))}
    item = inner[-1]
    planted: Json = draw(with_planted(item, key, scalar)) if isinstance(item, dict) else {key: scalar}
    return {**value, name: [*inner[:-1], planted]}
