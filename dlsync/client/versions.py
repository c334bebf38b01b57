"""ETags: what a server calls a version of what it answers, so that only a newer one is sent (RFC 9110, 8.8.3)."""

from __future__ import annotations

import re
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{1,200}"')


class Versioned(NamedTuple, Generic[T]):
    """Something that a server has.

    :param etag: what it calls this version of it; empty where it does not say.
    """

    content: T
    etag: str


def etag_of(text: object) -> str:
    """Return an ETag as it is; empty for whatever is none that a header should carry."""
    return text if isinstance(text, str) and _ETAG.fullmatch(text) else ""
