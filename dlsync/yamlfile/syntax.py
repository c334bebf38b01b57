"""Syntax errors in plain words: what was found, what was expected, on one line and without the source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

    from dlsync.yamlfile.source import InvalidYaml, Source

_AT_THE_END = "<stream end>"
_EXPLAINED = (
    (r"found character '\\t'", "a tab cannot indent; use spaces"),
    (r"found character (?P<what>.+) that cannot start", "a value cannot begin with {what}; put it in quotes"),
    (
        r"could not find expected ':'",
        "expected ': ' after the key, or '- ' before the item, that begins on line {line}",
    ),
    (r"sequence entries are not allowed", "a list item cannot stand here; put it on a line of its own"),
    (r"mapping keys are not allowed", "a key cannot stand here; put it on a line of its own"),
    (
        r"mapping values are not allowed",
        "a second ': ' cannot stand here; indent the key as its siblings, or put a text that holds ': ' in quotes",
    ),
    (r"expected ',' or '.'", "unclosed {open} opened on line {line}; expected ',' or the closing bracket"),
    (r"expected the node content, but found '(?P<what>.+)'", "expected a value, found {what}"),
    (r"expected <block end>", "this is indented unlike the other parts of the {kind} that begins on line {line}"),
    (
        r"expected '<document start>'",
        "unexpected text: indented unlike the lines above, or after a value's end",
    ),
    (r"unknown escape character '(?P<what>.)'", "\\{what} is no escape; double the backslash, or use single quotes"),
    (r"found unexpected end of stream", "unclosed quote opened on line {line}"),
    (r"found unexpected document separator", "unclosed quote opened on line {line}"),
    (r"non-comment content after document end", "nothing but a comment can stand behind '...' on its line"),
)


def explain(error: MarkedYAMLError, source: Source, unclosed: int | None) -> InvalidYaml:
    """Return what ruamel.yaml found wrong, in our words.

    :param unclosed: index of the innermost ``[`` or ``{`` that is still open there.
    """
    where = (error.problem_mark or error.context_mark).index
    began = (error.context_mark or error.problem_mark).index
    problem = (error.problem or error.context).replace("'\\x00'", "the end of the file")
    if unclosed is not None and _AT_THE_END in problem:
        began, problem = unclosed, "expected ',' or ']'"
    for pattern, words in _EXPLAINED:
        if found := re.search(pattern, problem):
            return source.fault(where, words.format(**_details(error, source, began), **_named(found.groupdict())))
    return source.fault(where, f"{error.context}: {problem}" if error.context else problem)


def _details(error: MarkedYAMLError, source: Source, began: int) -> dict[str, object]:
    return {
        "line": source.place(began)[0],
        "open": source.text[began : began + 1],
        "kind": "mapping" if "mapping" in str(error.context) else "list",
    }


def _named(groups: dict[str, str]) -> dict[str, str]:
    """Return what ruamel calls a token as a reader would."""
    return {name: "the end of the file" if what == _AT_THE_END else what.strip("<>") for name, what in groups.items()}
