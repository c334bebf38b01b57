"""Collections in brackets, edited inside of the line, with the quotes and line breaks that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.yamlfile import scalars

if TYPE_CHECKING:
    from dlsync.model import Json
    from dlsync.yamlfile.nodes import Node
    from dlsync.yamlfile.source import Source


def written(value: Json, quote: str = "") -> str:
    """Return a value on one line, inside of brackets.

    :param quote: what to put strings in; where empty, only those that need it are quoted.
    """
    if isinstance(value, dict) and value:
        return "{" + ", ".join(pair(key, inner, quote) for key, inner in value.items()) + "}"
    if isinstance(value, list) and value:
        return "[" + ", ".join(written(inner, quote) for inner in value) + "]"
    return quoted(value, quote, flow=True) if isinstance(value, str) else scalars.scalar(value)


def quoted(text: str, quote: str, *, flow: bool) -> str:
    """Return a string in the quotes wanted, where they can hold it."""
    if quote == '"':
        return scalars.double_quoted(text)
    if quote == "'" and scalars.can_show(text):
        return scalars.single_quoted(text)
    return scalars.string(text, flow=flow)


def quote_of(node: Node) -> str:
    """Return the quotes that all keys of a mapping, or all scalars of a list, are in; empty where they differ."""
    shown = node.children[::2] if node.form == "mapping" else node.children
    styles = {child.style for child in shown if child.form == "scalar"}
    return styles.pop() if len(styles) == 1 else ""


def joined(node: Node, source: Source, parts: list[tuple[int | None, str]]) -> str:
    """Return the collection's text with other children.

    :param parts: for each child its text and, where it was there before, its index.
    """
    spans = _spans(node)
    result = [source.text[node.start : spans[0][0]]]
    before: int | None = -1
    for number, (index, text) in enumerate(parts):
        if index is not None and before is not None and 0 <= before == index - 1:
            result.append(source.text[spans[before][1] : spans[index][0]])
        elif number:
            result.append(_separator(source, spans[0][0]))
        result.append(text)
        before = index
    return "".join(result) + source.text[spans[-1][1] : node.end]


def _spans(node: Node) -> list[tuple[int, int]]:
    if node.form == "sequence":
        return [(child.start, child.end) for child in node.children]
    return [(key.start, max(key.end, value.end)) for key, value in node.entries()]


def _separator(source: Source, first: int) -> str:
    """Return what to put between children: a line break where the first one begins a line."""
    indentation = source.text[source.line_start(first) : first]
    return ", " if indentation.strip() else f",\n{indentation}"


def pair(key: str, value: Json, quote: str) -> str:
    """Return a key with its value, inside of brackets."""
    return f"{written(key, quote)}: {written(value, quote)}"
