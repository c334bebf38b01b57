"""An answer as it comes in: unpacked, and bounded in time and size, whatever the server does."""

from __future__ import annotations

import asyncio
import zlib
from typing import TYPE_CHECKING, Final, cast

from dlsync.client.answers import URL_HINT
from dlsync.errors import BadAnswer

if TYPE_CHECKING:
    import httpx2

DEADLINE: Final = 60.0
LARGEST_BODY: Final = 64 * 1024 * 1024
SLOWEST: Final = 32 * 1024
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_AS_IT_IS: Final = frozenset({"", "identity"})
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


class Reception:
    """Sends a request and reads the whole of its answer.

    :param deadline: seconds for both together, and one more for each 32 KiB (:data:`SLOWEST`) that is sent or has come:
        a large list over a slow line is waited for, and an answer that comes byte by byte is not.
    :param largest_body: bytes of an answer, unpacked, that are read at most.
    """

    def __init__(self, *, deadline: float = DEADLINE, largest_body: int = LARGEST_BODY) -> None:
        self._deadline = deadline
        self._largest_body = largest_body

    async def received(
        self, http: httpx2.AsyncClient, request: httpx2.Request, label: str
    ) -> tuple[httpx2.Response, bytes]:
        """Return the answer and its body.

        :param label: method and path, for messages.
        :raises TimeoutError: it was not whole in time.
        :raises BadAnswer: its body is too large, or packed in a way that cannot be read.
        """
        end = asyncio.get_running_loop().time() + self._deadline + len(request.content) / SLOWEST
        async with asyncio.timeout_at(end) as limit:
            response = await http.send(request, stream=True)
            try:
                unpacked = _Unpacked(response, label, self._largest_body)
                async for chunk in cast("httpx2.AsyncByteStream", response.stream):
                    unpacked.add(chunk)
                    # by what is unpacked: a packed body can go on for ever and hold nothing
                    limit.reschedule(end + len(unpacked.body) / SLOWEST)
                return response, unpacked.whole()
            finally:
                await response.aclose()


class _Unpacked:
    """A body, which never holds more than it may: httpx2 unpacks first, and layer by layer, before it can be asked."""

    def __init__(self, response: httpx2.Response, label: str, largest: int) -> None:
        self.body = bytearray()
        self._status = response.status_code
        self._label = label
        self._largest = largest
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding not in _GZIP | _AS_IT_IS:
            raise self._bad("the answer is packed in a way that was not asked for; expected gzip or nothing")
        self._gzip = zlib.decompressobj(_GZIP_WINDOW) if coding in _GZIP else None
        self._empty = True

    def add(self, chunk: bytes) -> None:
        self._empty = False
        self.body += self._plain(chunk)
        if len(self.body) > self._largest:
            raise self._bad(f"the answer is larger than {self._largest:,} bytes, and was not read further")

    def whole(self) -> bytes:
        if self._gzip and not (self._empty or self._gzip.eof):
            raise self._bad("the answer's compression is broken: its end is missing")
        return bytes(self.body)

    def _plain(self, chunk: bytes) -> bytes:
        if self._gzip is None:
            return chunk
        try:
            return self._gzip.decompress(chunk, self._largest - len(self.body) + 1)
        except zlib.error:
            raise self._bad("the answer's compression is broken") from None

    def _bad(self, problem: str) -> BadAnswer:
        return BadAnswer(f"{self._label}: {problem}", request=self._label, status=self._status, hint=URL_HINT)
