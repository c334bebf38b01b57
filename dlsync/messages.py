"""Make texts safe to print: without escape sequences, without commands to a CI runner, and without secrets."""

from __future__ import annotations

import html
import json
import re
from base64 import b64decode, b64encode
from collections import defaultdict
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from unicodedata import normalize
from urllib.parse import quote, quote_plus, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlsync.model import Json, Path


_LONGEST = 60  # characters of a word that are compared
_NEAR = 0.65  # difflib's default of 0.6 takes `sources` for `series`
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


def brief(raw: Json) -> str:
    """Return a value for a message: a scalar as JSON, shortened; else ``a list`` or ``a mapping``."""
    if isinstance(raw, dict):
        return "a mapping"
    if isinstance(raw, list):
        return "a list"
    if raw is None:
        return "empty"
    return value(raw)


def expectation(node: Mapping[str, Any]) -> str:
    """Return what a part of a schema expects, in words: its ``x-expected``, its values, or its types."""
    if "x-expected" in node:
        return str(node["x-expected"])
    if "enum" in node:
        return f"one of {', '.join(brief(choice) for choice in node['enum'])}"
    if "const" in node:
        return brief(node["const"])
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join(_TYPES[name] for name in types if name != "null")


_RESOURCE_FILE = re.compile(r"(?:.*/)?([^/]+?)(?:\.meta)?\.(?:ya?ml|py|sh)")


@lru_cache(maxsize=1024)
def near_miss(word: str, choices: tuple[str, ...], cutoff: float = _NEAR) -> str | None:
    """Return the choice that a word misspells, if any; case and blanks are ignored.

    :param cutoff: of difflib's ratio, from 0 to 1.
    """
    folded = {_comparable(choice): choice for choice in reversed(choices)}
    close = get_close_matches(_comparable(word), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def _comparable(word: str) -> str:
    return "".join(word.split()).casefold()[:_LONGEST]


def near_pattern(pattern: str, kinds: tuple[str, ...]) -> str | None:
    """Return the likely ``KIND/GLOB`` for a file, or for a pattern without a known kind; None if there is none."""
    kind, slash, name = pattern.partition("/")
    if near := near_miss(kind, kinds):
        file = _RESOURCE_FILE.fullmatch(name)
        return f"{near}/{file[1] if file else name or '*'}"
    return f"*/{pattern}" if pattern and not slash else None


WIDTH = 60
_CONTEXT = 12
_ELLIPSIS = "..."
_PLAIN_KEY = re.compile(r"[\w-]+")


# GitHub obeys `::` at the start of a line; GitHub and Azure obey `##[` and `##vso[`, TeamCity `##teamcity[`, GitLab
# `section_start:` and Travis `travis_fold:` anywhere in a line. The last character of a match becomes an escape
_CI_COMMAND = re.compile(r"^ *:(?=:)|##(?=\w*\[)|(?:section_(?:start|end)|travis_fold):")

# characters that count as printable and have no glyph: joiners, fillers, selectors of ideographs
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef]")
_SELECTOR = re.compile("[\ufe00-\ufe0f]")  # of variations, as in emoji


def visible(text: str) -> str:
    r"""Escape everything in a text that a terminal or a CI runner obeys: ``\x1b``, ``\u202e``, ``\n``.

    These are the characters that Unicode does not count as printable: control, format (bidirectional, zero-width),
    unassigned and private characters, lone surrogates, and separators other than the space. Fillers and other
    characters without a glyph are escaped too. In a command to a CI runner, one character is escaped: ``\x3a:error``,
    ``#\x23vso[``. Variation selectors stay, because emoji hold them; :func:`distinct` shows those that matter.
    """
    if not text.isascii() or not text.isprintable():
        shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
        text = _INVISIBLE.sub(lambda found: ascii(found[0])[1:-1], shown)
    return _without_ci_commands(text, "\\x{:02x}")


def distinct(texts: Sequence[str]) -> list[str]:
    """Return safe texts; those that differ and look the same become ASCII."""
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    for text in texts:
        spellings[_appearance(text)].add(text)
    return [
        text.encode("ascii", "backslashreplace").decode() if len(spellings[_appearance(text)]) > 1 else text
        for text in texts
    ]


def _appearance(text: str) -> str:
    return text if text.isascii() else normalize("NFC", _SELECTOR.sub("", text))


def json_text(document: object) -> str:
    """Return a document as indented ASCII JSON and a line break, without a command to a CI runner.

    :raises ValueError: it holds infinity or not-a-number.
    """
    text = json.dumps(document, indent=2, allow_nan=False)
    return _without_ci_commands(text, "\\u{:04x}") + "\n"


def _without_ci_commands(text: str, escape: str) -> str:
    return _CI_COMMAND.sub(lambda found: found[0][:-1] + escape.format(ord(found[0][-1])), text)


def shortened(text: str, width: int) -> str:
    """Return the text in at most ``width`` characters; three dots stand for the rest."""
    return text if len(text) <= width else text[: width - len(_ELLIPSIS)] + _ELLIPSIS


def counted(number: int, noun: str) -> str:
    """Return ``1 line`` or ``2 lines``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[object], most: int = 3) -> str:
    """Return the first names, and the number of others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def in_full(value: Json) -> str:
    """Return a value as compact JSON, safe to print."""
    try:
        return visible(json.dumps(value, ensure_ascii=False))
    except ValueError:  # Python prints no integer of more than 4,300 digits
        return "a huge number"


def value(raw: Json, width: int = WIDTH) -> str:
    """Return a value as compact JSON, safe to print, in at most ``width`` characters."""
    whole = in_full(raw)
    return f'{shortened(whole[:-1], width - 1)}"' if isinstance(raw, str) else shortened(whole, width)


def distinct_pair(before: Json, after: Json, width: int = WIDTH) -> tuple[str, str]:
    """Return two different values as different texts, each in at most ``width`` characters."""
    left, right = distinct([in_full(before), in_full(after)])
    if left != right and shortened(left, width) == shortened(right, width):
        cut = _common_prefix_length(left, right) - _CONTEXT
        left, right = _ELLIPSIS + left[cut:], _ELLIPSIS + right[cut:]
    return shortened(left, width), shortened(right, width)


def field_name(path: Path) -> str:
    """Return a path such as ``positions[2].color``, or ``scope["a.b"]`` for a key that is no plain word."""
    return "".join(map(_step, path)).removeprefix(".") or "(all)"


def _step(key: str | int) -> str:
    return f".{key}" if isinstance(key, str) and _PLAIN_KEY.fullmatch(key) else f"[{value(key)}]"


def url_fault(url: str) -> str:
    """Return why a URL is no API's address; empty if it may be one. The URL may hold a password, so it is not shown."""
    if not url.isprintable() or " " in url:
        return "holds a space or a control character"
    try:
        parts = urlsplit(url)
        has_host = parts.hostname and parts.port != 0
    except ValueError:
        return "is malformed"
    if parts.scheme not in {"http", "https"}:
        return "does not begin with http:// or https://"
    if not has_host:
        return "names no host"
    if "@" in parts.netloc:
        return "holds a user name or password; only the key is sent"
    return "holds a query or a fragment" if "?" in url or "#" in url else ""


KEY = "[key]"
_BEGINNING = 16  # characters: a secret is recognised by its first 16
_BEFORE_ELLIPSIS = 4  # characters; fewer reveal nothing, and begin many words
_DECODED = 4  # bytes; base64 holds three of a secret by chance
_ANY_CASE = 6  # characters; a shorter text in another case is likely another word
_CUT = re.compile(r"(…|\.{3})")
_NOT_SHOWN = "[not shown: it holds an encoded secret]"
_LEVELS = 3  # of nested escapes
_BYTE = re.compile(r"\\+x(?=[0-9a-fA-F]{2})")
_CHARACTER = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|([nr]))")
_INCOMPLETE = re.compile(r"(?:%[0-9a-fA-F]?|&#?\w*|\\+(?:u[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?)(?=…|\.{3})")
_BASE64 = re.compile(r"([A-Za-z0-9+/_\s-]{6,})(…|\.{3})?")
_STANDARD = str.maketrans("-_", "+/")


class Redactor:
    """Replace secrets in messages, whole or cut off, in every spelling that servers and libraries use.

    If a text holds a secret in another encoding, such as in the middle of base64, the whole text is replaced.

    :param secrets: each value with its replacement; no value is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        names = {text: name for secret, name in secrets.items() for text in _spellings(secret)}
        # the client has already replaced the key in texts of the server
        names |= {
            text.replace(key, KEY): name for key in secrets if secrets[key] == KEY for text, name in names.items()
        }
        self._exact = {text: name for text, name in names.items() if len(text) < _ANY_CASE and text != KEY}
        self._folded = {_folded(text): name for text, name in names.items() if len(text) >= _ANY_CASE}

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        if not self._exact and not self._folded:
            return text
        shown = self._replaced(text)
        plain = _unescaped(shown)
        is_escaped = plain != shown and self._holds(plain) and not self._holds(shown)
        return _NOT_SHOWN if is_escaped or self._holds(_from_base64(plain), _DECODED) else shown

    def _holds(self, text: str, shortest: int = 1) -> bool:
        """Whether a text holds a secret of at least ``shortest`` bytes, or the beginning of a secret."""
        *cut, _ = _CUT.split(text)
        found = (text[start : start + length] for start, length, _ in self._found(text))
        is_whole = any(len(secret.encode("utf-8", "surrogatepass")) >= shortest for secret in found)
        return is_whole or any(self._without_beginning(part) != part for part in cut)

    def _replaced(self, text: str) -> str:
        *cut, rest = _CUT.split(text)
        text = "".join([*map(self._without_beginning, cut), rest])
        shown: list[str] = []
        end = 0
        for start, length, name in self._found(text):
            if start + length > end:
                shown += [text[end:start], name]
                end = start + length
        return "".join([*shown, text[end:]])

    def _found(self, text: str) -> list[tuple[int, int, str]]:
        """Return the start, length and name of each secret, and of each beginning of a secret that is long enough."""
        found = []
        for spellings, among in ((self._exact, text), (self._folded, _folded(text))):
            for spelling, name in spellings.items():
                start = among.find(spelling[:_BEGINNING])
                while start >= 0:
                    found.append((start, _common_prefix_length(spelling, among[start : start + len(spelling)]), name))
                    start = among.find(spelling[:_BEGINNING], start + 1)
        return sorted(found, key=lambda one: (one[0], -one[1], one[2]))

    def _without_beginning(self, part: str) -> str:
        """Return a text before an ellipsis, with the longest beginning of a secret at its end replaced."""
        end = _folded(part)
        lengths = ((_overlap(end, spelling), name) for spelling, name in {**self._exact, **self._folded}.items())
        length, name = max(lengths, key=itemgetter(0))
        return part[:-length] + name if length else part


def _common_prefix_length(left: str, right: str) -> int:
    """Return the length of the common prefix of two texts."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _unescaped(text: str) -> str:
    """Return a text with the escapes of URLs, HTML and backslashes decoded."""
    for _ in range(_LEVELS):
        if not any(mark in text for mark in "%&\\"):
            break
        text = _BYTE.sub("%", _INCOMPLETE.sub("", text))
        text = _CHARACTER.sub(lambda found: "\n" if found[2] else chr(int(found[1], 16)), text)
        text = unquote(html.unescape(text))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _from_base64(text: str) -> str:
    """Return the decoded base64 of a text; it may begin at any of the four places of a group."""
    runs = [("".join(found[1].split()).translate(_STANDARD), found[2] or "") for found in _BASE64.finditer(text)]
    return "\0".join(_decoded(run[place:]) + cut for run, cut in runs for place in range(4))


def _decoded(run: str) -> str:
    whole = b64decode(run + "A" * (-len(run) % 4))
    return whole[: len(run) * 6 // 8].decode("utf-8", "replace")


def _folded(text: str) -> str:
    """Return a text in lower case, with each character in its place."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(small if len(small := letter.casefold()) == 1 else letter for letter in text)


def _overlap(text: str, secret: str) -> int:
    """Return the length of a secret's beginning at the end of a text; 0 if it is too short to reveal anything."""
    if secret[:_BEFORE_ELLIPSIS] not in text:
        return 0
    lengths = range(min(len(secret) - 1, len(text)), _BEFORE_ELLIPSIS - 1, -1)
    return next((length for length in lengths if text.endswith(secret[:length])), 0)


def _spellings(secret: str) -> Iterator[str]:
    """Yield the spellings of a text in the messages of servers and libraries."""
    one_line = " ".join("".join(char if char.isprintable() else " " for char in secret).split())
    long_lines = [line.strip() for line in secret.splitlines() if len(line.strip()) > 2 * _BEFORE_ELLIPSIS]
    for text in filter(None, (secret, one_line, *long_lines)):
        raw = text.encode("utf-8", "surrogatepass")
        yield from (text, html.escape(text), html.escape(text, quote=False), text.replace("'", "''"))
        as_json = json.dumps(text, ensure_ascii=False)[1:-1]
        yield from (json.dumps(text)[1:-1], as_json, visible(as_json), visible(text), repr(text)[1:-1])
        yield from (quote(raw), quote(raw, safe=""), quote_plus(raw), b64encode(raw).decode(), raw.hex())
