from __future__ import annotations

import inspect

import httpx2
import pytest

from dlsync.client.faults import MEANINGS, translated
from dlsync.client.quoting import Quoter, Secret
from dlsync.client.retry import Fault
from dlsync.errors import ApiError, BadAnswer

QUOTE = Quoter(Secret("s3cret-key"))
EXPORTED = {
    name: value
    for name, value in vars(httpx2).items()
    if name in httpx2.__all__ and inspect.isclass(value) and issubclass(value, BaseException)
}


def instance(error: type[BaseException]) -> Exception:
    made = error.__new__(error)
    Exception.__init__(made, "detail with \x1b[2J and s3cret-key")
    assert isinstance(made, Exception)
    return made


def test_the_mapping_names_every_exception_of_the_library_and_no_other() -> None:
    assert set(MEANINGS) == {*EXPORTED, "OSError", "TimeoutError"}


@pytest.mark.parametrize("name", [*EXPORTED, "OSError"])
def test_every_foreign_exception_becomes_one_of_ours_without_its_control_characters_and_the_key(name: str) -> None:
    error = instance(EXPORTED.get(name, ConnectionResetError))
    ours = translated(error, request="GET /x", origin="http://h:1", quote=QUOTE)
    assert isinstance(ours, ApiError | Fault)
    assert str(ours).isprintable()
    assert "detail with [2J and [key]" in str(ours)
    assert ours.request == "GET /x"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (httpx2.ConnectError(""), "refused"),
        (httpx2.ConnectTimeout(""), "timeout"),
        (httpx2.ReadTimeout(""), "timeout"),
        (httpx2.ReadError(""), "broken"),
        (httpx2.RemoteProtocolError(""), "broken"),
        (BrokenPipeError(), "broken"),
        (TimeoutError(), "timeout"),
    ],
)
def test_faults_of_the_connection_may_pass(error: Exception, cause: str) -> None:
    fault = translated(error, request="GET /x", origin="http://h:1", quote=QUOTE)
    assert isinstance(fault, Fault)
    assert fault.cause == cause
    assert "http://h:1" in fault.hint
    assert "(" not in fault.reason


def test_a_broken_compression_is_a_bad_answer_with_the_hint_to_check_the_url() -> None:
    error = translated(httpx2.DecodingError("x"), request="GET /x", origin="o", quote=QUOTE)
    assert isinstance(error, BadAnswer)
    assert "`url`" in error.hint
