"""What a client is told that is refused, and what the log gets: bounded in length, and never the key."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING

from dlsync.server.operation import Fault, answer

if TYPE_CHECKING:
    from starlette.responses import Response

HIDDEN = "***"
SHOWN = 200  # characters of a value: what is refused may be as long as a body
LOG = logging.getLogger("dlsync.server")


class Refusals:
    """Turns exceptions into answers.

    :param key: the API key, which a client may have put anywhere, be it as a name.
    """

    def __init__(self, key: str) -> None:
        quoted = {key, repr(key)[1:-1], json.dumps(key)[1:-1], repr(key.encode())[2:-1]}
        quoted |= {form.replace("'", "\\'") for form in quoted}  # as it is where the text around it has the other quote
        self._forms = sorted(quoted, key=len, reverse=True)

    def answer(self, error: Exception) -> Response:
        """Return any exception as JSON with a reason; one that is no Fault is ours."""
        if isinstance(error, Fault):
            return answer({"error": error.reason.format(*map(self._shown, error.values))}, error.status_code)
        # not exc_info: the exception may say what it stumbled over
        LOG.error("a request failed inside the server\n%s", self._masked("".join(traceback.format_exception(error))))
        return answer({"error": "the server failed; its log on stderr says why"}, 500)

    def _shown(self, value: object) -> str:
        if isinstance(value, str):  # the key goes before the cut, which might leave half of it
            return repr(_cut(self._masked(value)))
        if isinstance(value, list | dict):
            return "a list" if isinstance(value, list) else "an object"
        return _cut(self._masked(str(value)))

    def _masked(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
