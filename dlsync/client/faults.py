"""The one seam at which the exceptions of the HTTP library become ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dlsync.client.answers import URL_HINT
from dlsync.client.retry import Fault
from dlsync.errors import ApiError, BadAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client.quoting import Quoter
    from dlsync.client.retry import Cause


class Meaning(NamedTuple):
    """What one foreign exception is.

    :param cause: of the fault, where another attempt may help.
    :param error: raised at once, where none can.
    """

    words: str
    cause: Cause | None = None
    error: type[ApiError] = ApiError


_OURS: Final = Meaning("the request could not be made; this is a fault of dlsync")
_BROKEN: Final = Meaning("the connection broke", "broken")
_SLOW: Final = Meaning("the server did not answer in time", "timeout")

# By name, so that naming them does not import the library (160 ms).
MEANINGS: Final[Mapping[str, Meaning]] = {
    "HTTPError": _OURS,
    "RequestError": _BROKEN,
    "TransportError": _BROKEN,
    "TimeoutException": _SLOW,
    "ConnectTimeout": Meaning("the connection could not be made in time", "timeout"),
    "ReadTimeout": _SLOW,
    "WriteTimeout": Meaning("the server did not take the request in time", "timeout"),
    "PoolTimeout": _SLOW,
    "NetworkError": _BROKEN,
    "ConnectError": Meaning("could not connect", "refused"),
    "ReadError": _BROKEN,
    "WriteError": _BROKEN,
    "CloseError": _BROKEN,
    "ProtocolError": _BROKEN,
    "RemoteProtocolError": Meaning("the answer was cut short or is not HTTP", "broken"),
    "LocalProtocolError": _OURS,
    "ProxyError": Meaning("the proxy failed", "refused"),
    "UnsupportedProtocol": Meaning("`url` or a proxy has a scheme that is not HTTP"),
    "DecodingError": Meaning("the answer's compression is broken", error=BadAnswer),
    "TooManyRedirects": Meaning("the server redirects without end", error=BadAnswer),
    "HTTPStatusError": _OURS,
    "SSEError": Meaning("the answer is an event stream", error=BadAnswer),
    "InvalidURL": Meaning("the name is too long, or `url` cannot be used"),
    "CookieConflict": _OURS,
    "StreamError": _OURS,
    "StreamConsumed": _OURS,
    "StreamClosed": _OURS,
    "RequestNotRead": _OURS,
    "ResponseNotRead": _OURS,
    "OSError": _BROKEN,
    "TimeoutError": Meaning("the whole answer did not come in time", "timeout"),
}


def translated(error: Exception, *, request: str, origin: str, quote: Quoter) -> ApiError | Fault:
    """Return what stands for a foreign exception above the seam.

    :param request: method and path.
    :param origin: scheme, host and port that were asked, for the hint.
    """
    meaning = next(MEANINGS[base.__name__] for base in type(error).__mro__ if base.__name__ in MEANINGS)
    detail = quote(str(error))
    words = f"{meaning.words} ({detail})" if detail else meaning.words
    if meaning.cause:
        hint = f"Check that the server at {origin} runs and can be reached from here, and that `url` is right."
        return Fault(meaning.cause, words, request=request, hint=hint)
    hint = URL_HINT if meaning.error is BadAnswer else ""
    return meaning.error(f"{request}: {words}", request=request, hint=hint)
