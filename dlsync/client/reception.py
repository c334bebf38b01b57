"""The body of an answer as it comes in: unpacked, and bounded in size, whatever the server does."""

from __future__ import annotations

import zlib
from typing import Final

from dlsync.client.faults import Failure

# a list of 10,000 dashboards of 4 KB is 36 to 45 MB of JSON, and must come through
LARGEST_BODY: Final = 64 * 1024 * 1024
_GZIP: Final = frozenset({b"gzip", b"x-gzip"})
_AS_IT_IS: Final = frozenset({b"", b"identity"})
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


class Body:
    """What has come of a body, which never holds more than it may.

    :param status: of the answer, for errors.
    :param coding: its ``Content-Encoding``.
    :param largest: bytes that it may be, unpacked.
    :raises Failure: it is packed in a way that cannot be read; so do the methods.
    """

    __slots__ = ("_gzip", "_largest", "_more", "_only", "_packed", "_status", "size")

    def __init__(self, status: int, coding: bytes, largest: int) -> None:
        self.size = 0
        self._status = status
        self._largest = largest
        self._only = b""  # most bodies come in one piece, which need not be copied
        self._more: bytearray | None = None
        self._packed = False
        self._gzip: zlib._Decompress | None = None
        if coding:
            self._packed = self._is_packed(coding.strip().lower())

    def add(self, chunk: bytes) -> None:
        """Take the next piece, as it came."""
        plain = self._unpacked(chunk) if self._packed else chunk
        self.size += len(plain)
        if self.size > self._largest:
            raise self._bad(f"the answer is larger than {self._largest:,} bytes, and was not read further")
        if self._more is not None:
            self._more += plain
        elif self._only:
            self._more = bytearray(self._only)
            self._more += plain
        else:
            self._only = plain

    def whole(self) -> bytes:
        """Return all of it, now that there is no more."""
        if self._gzip and not self._gzip.eof:
            raise self._bad("the answer's compression is broken: its end is missing")
        return self._only if self._more is None else bytes(self._more)

    def _is_packed(self, coding: bytes) -> bool:
        if coding not in _GZIP | _AS_IT_IS:
            raise self._bad("the answer is packed in a way that was not asked for; expected gzip or nothing")
        return coding in _GZIP

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._gzip is None:  # only now: a body that is empty needs no packing
            self._gzip = zlib.decompressobj(_GZIP_WINDOW)
        try:
            return self._gzip.decompress(chunk, self._largest - self.size + 1)
        except zlib.error:
            raise self._bad("the answer's compression is broken") from None

    def _bad(self, problem: str) -> Failure:
        return Failure(problem, status=self._status)
