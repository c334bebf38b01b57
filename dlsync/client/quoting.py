"""What a server said, made fit for a message: one short line, no control characters, no key."""

from __future__ import annotations

import base64
import html
import json
from collections import defaultdict
from urllib.parse import quote as percent_encoded

REDACTED = "[key]"
PIECE = 8  # so many characters of the key in a row are never quoted; fewer tell nobody what it is
_WIDEST = 4  # bytes of a character in UTF-8
_ROOM = 16  # characters are looked at for each that is quoted: most of them may be keys or blanks
_ELLIPSIS = "…"


class Secret:
    """A text that no repr shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret()"

    def reveal(self) -> str:
        """Return the text."""
        return self._value


class Quoter:
    """Quotes the server's words, without the key even where the server echoes it.

    Nor is a piece of the key quoted, of :data:`PIECE` characters or more: a server cuts its texts, breaks their lines,
    and writes them as URL, HTML, JSON, hex or base64 have it.

    :param key: what is never let through.
    """

    def __init__(self, key: Secret) -> None:
        self._secret = key
        self._pieces = _pieces_of(key.reveal())
        self._longest = max(self._pieces, default=1)

    def __call__(self, text: str, limit: int = 200) -> str:
        """Return the first ``limit`` characters on one line; what is left out is marked by an ellipsis."""
        reach = _ROOM * limit + self._longest
        return self._quoted(text[:reach], limit, cut=len(text) > reach)

    def start_of(self, body: bytes, limit: int) -> str:
        """Return the first ``limit`` characters of a body, which need not be text."""
        reach = _WIDEST * (_ROOM * limit + self._longest)
        return self._quoted(body[:reach].decode("utf-8", "replace"), limit, cut=len(body) > reach)

    def _quoted(self, text: str, limit: int, *, cut: bool) -> str:
        # in this order: a key that is cut in half is no longer recognised
        redacted = self._redacted(text, cut=cut)
        line = " ".join("".join(char if char.isprintable() else " " for char in redacted).split())
        return line[:limit].rstrip() + _ELLIPSIS if cut or len(line) > limit else line

    def _redacted(self, text: str, *, cut: bool) -> str:
        text = text.replace(self._secret.reveal(), REDACTED)
        # what is neither printed nor seen cannot hide the key
        places = [place for place, char in enumerate(text) if char.isprintable() and char != " "]
        bare = "".join(text[place].lower() if text[place].isascii() else text[place] for place in places)
        parts, done = [], 0
        for start, stop in self._found(bare):
            parts += [text[done : max(done, places[start])], REDACTED]
            done = places[stop - 1] + 1
        end = places[-self._longest] if cut and len(places) >= self._longest else len(text)
        return "".join([*parts, text[done : max(done, end)]])

    def _found(self, bare: str) -> list[tuple[int, int]]:
        """Return where pieces of the key are, in order, with those that touch as one."""
        found = sorted(
            (start, start + width)
            for width, pieces in self._pieces.items()
            for start in range(len(bare) - width + 1)
            if bare[start : start + width] in pieces
        )
        merged: list[tuple[int, int]] = []
        for start, stop in found:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged


def _pieces_of(key: str) -> dict[int, set[str]]:
    """Return what a server may write for any PIECE characters of the key, by length, in lower case."""
    pieces: defaultdict[int, set[str]] = defaultdict(set)
    for form, width in _forms(key):
        for start in range(len(form) - width + 1):
            pieces[width].add(form[start : start + width].lower())
    return dict(pieces)


def _forms(key: str) -> list[tuple[str, int]]:
    """Return the spellings of the key, each with the fewest characters that PIECE of the key take in it."""
    in_json = json.dumps(key)[1:-1]
    spelled = {key, percent_encoded(key, safe=""), html.escape(key), in_json, in_json.replace("/", "\\/")}
    widths = {"{:02x}": 2, "%{:02x}": 3, "&#{};": 5, "&#x{:x};": 6, "\\u{:04x}": 6}
    escaped = [("".join(map(escape.format, key.encode())), PIECE * width) for escape, width in widths.items()]
    packed = {_packed(key.encode(), before) for before in range(3)}
    for_urls = {one.replace("+", "-").replace("/", "_") for one in packed}
    return [*escaped, *((form, PIECE) for form in spelled | packed | for_urls)]


def _packed(key: bytes, before: int) -> str:
    """Return the characters of base64 that are the key's alone, behind so many other bytes: four are three bytes."""
    whole = base64.b64encode(b"\0" * before + key).decode()
    return whole[-(-before * 4 // 3) : (before + len(key)) * 4 // 3]
