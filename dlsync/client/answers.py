"""Answers, and reading them: whatever is not what the operation answers is a BadAnswer that says what came instead."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, NoReturn

from dlsync.errors import BadAnswer

if TYPE_CHECKING:
    from dlsync.client.quoting import Quoter
    from dlsync.model import Json

URL_HINT = "Check that `url` is the API's base, and not the web interface or a login page."
DEEPEST = 102  # a list of documents of 100 levels, as many as files may have, and what the innermost holds
_PREVIEW = 80
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
    try:
        value: Json = _STRICT.decode(answer.body.decode().removeprefix("\ufeff"))
        if _ESCAPED_SURROGATE.search(answer.body):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise answer.bad(_TOO_DEEP) from None
    except ValueError:
        raise answer.bad("expected JSON") from None
    if _is_too_deep(value):
        raise answer.bad(_TOO_DEEP)
    return value


def _is_too_deep(value: Json) -> bool:
    """Tell, level by level so that no depth can hurt, whether recursion further up could fail on the value."""
    level = [value]
    for _ in range(DEEPEST):
        collections = [node for node in level if isinstance(node, dict | list)]
        level = [child for node in collections for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# made once: it takes as long to make as an answer takes to read
_STRICT = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
