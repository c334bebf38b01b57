"""Answers, and reading them: whatever is not what the operation answers is a BadAnswer that says what came instead."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, NoReturn, cast

from dlsync.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlsync.client.quoting import Quoter
    from dlsync.model import Json

URL_HINT = "Check that `url` is the API's base, and not the web interface or a login page."
DEEPEST = 102  # a list of documents of 100 levels, as many as files may have, and what the innermost holds
_PREVIEW = 80
_PIECE = 1024 * 1024
_CUT = len("e+")  # what may stand behind a number that goes on in the next piece, and is no part of it yet
_NO_JSON = "expected JSON"
_SPACE = re.compile(r"[ \t\n\r]*")
_TOO_DEEP = "expected JSON, got nesting too deep to be meant"
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html)", re.IGNORECASE)
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of 2xx, read whole.

    :param request: method and path that it answers.
    :param quote: makes the server's words fit for a message.
    :param private: whether the body holds secrets, so that no message shows its beginning.
    :param etag: what the server calls this version of it; empty where it does not say.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    request: str
    quote: Quoter = field(repr=False)
    private: bool = False
    etag: str = ""

    def bad(self, problem: str) -> BadAnswer:
        """Return the error that this answer is, with the first characters of what came."""
        kind = self.quote(self.content_type, 60) or "no content type"
        came = f"{kind}, {self._beginning()}"
        return BadAnswer(
            f"{self.request}: {problem}; got {came}", request=self.request, status=self.status, hint=URL_HINT
        )

    def _beginning(self) -> str:
        if self.private and self.body:
            return f"{len(self.body):,} bytes that are not shown, for they hold keys"
        start = self.quote.start_of(self.body, _PREVIEW)
        return f"beginning {start!r}" if start else "empty"


def yaml_of(answer: Answer) -> bytes:
    """Return an export's bytes as they came, unless they are a web page."""
    if answer.content_type.lower().startswith("text/html") or _HTML.match(answer.body):
        raise answer.bad("expected YAML")
    return answer.body


def json_of(answer: Answer) -> Json:
    """Return the body parsed; it must be JSON in UTF-8 as RFC 8259 has it.

    Of a key that is there twice, the last counts. No NaN, no half surrogate pairs, no number beyond what a float holds.
    """
    with _reading(answer):
        value: Json = _STRICT.decode(_text(answer))
        _require_ordinary(value, doubtful=_ESCAPED_SURROGATE.search(answer.body) is not None)
    return value


def items_of(answer: Answer) -> Iterator[Json]:
    """Yield the items of a body that must be a JSON list, one by one: 10,000 dashboards need not all be held at once.

    What is JSON is as for :func:`json_of`.
    """
    doubtful = _ESCAPED_SURROGATE.search(answer.body) is not None
    with _reading(answer):
        tape = _Tape(answer.body)
        if tape.peek() != "[":
            _STRICT.decode(_text(answer))
            raise answer.bad("expected a JSON list")
        is_over = tape.step() == "]"
    while not is_over:
        with _reading(answer):
            value = tape.value()
            _require_ordinary(value, doubtful=doubtful)
            is_over = tape.peek() == "]"
            if not is_over:
                tape.require(",")
                tape.step()
        yield value
    with _reading(answer):
        tape.step()
        tape.require("")


class _Tape:
    """The text of a body, decoded piece by piece: all of it at once would take as much memory as the body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._decoded = 0
        self._decoder = getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._place = 0

    def peek(self) -> str:
        """Return the next character that is no space; empty at the end."""
        self._place = _past_space(self._text, self._place)
        while self._place == len(self._text) and self._grows():
            self._place = _past_space(self._text, self._place)
        return self._text[self._place : self._place + 1]

    def step(self) -> str:
        """Go past that character, and return the next."""
        self._place += 1
        return self.peek()

    def require(self, character: str) -> None:
        """Raise ValueError unless that is the next character."""
        if self.peek() != character:
            raise ValueError(character)

    def value(self) -> Json:
        """Return the JSON that begins here, and go past it."""
        while True:
            try:
                value, end = _STRICT.raw_decode(self._text, self._place)
            except ValueError:
                if not self._grows():
                    raise
            else:
                if end < len(self._text) - _CUT or not self._grows():
                    self._place = end
                    return cast("Json", value)

    def _grows(self) -> bool:
        """Decode the next piece, if there is one; as large as what is not read yet, so that no value is slow."""
        if self._decoded >= len(self._body):
            return False
        left = self._text[self._place :]
        end = self._decoded + max(_PIECE, len(left))
        piece, self._decoded = self._body[self._decoded : end], end
        self._text, self._place = left + self._decoder.decode(piece, final=end >= len(self._body)), 0
        return True


@contextmanager
def _reading(answer: Answer) -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise answer.bad(_TOO_DEEP) from None
    except ValueError:
        raise answer.bad(_NO_JSON) from None


def _text(answer: Answer) -> str:
    return answer.body.decode().removeprefix("\ufeff")


def _past_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _require_ordinary(value: Json, *, doubtful: bool) -> None:
    """Require that nothing further up can fail on a value.

    :param doubtful: whether there may be half a surrogate pair in it.
    """
    if doubtful:
        json.dumps(value, ensure_ascii=False).encode()
    level = [value]
    for _ in range(DEEPEST):  # level by level, so that no depth can hurt
        collections = [node for node in level if isinstance(node, dict | list)]
        level = [child for node in collections for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return
    raise RecursionError


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# made once: it takes as long to make as an answer takes to read
_STRICT = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
