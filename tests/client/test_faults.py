from __future__ import annotations

import pytest

from dlsync.client.faults import Failure, broken, not_http, translated
from dlsync.client.quoting import Quoter, Secret
from dlsync.client.retry import Fault
from dlsync.errors import ApiError, BadAnswer

QUOTE = Quoter(Secret("s3cret-key"))
DETAIL = "detail with \x1b[2J and s3cret-key"


def above(failure: Failure) -> ApiError | Fault:
    return translated(failure, request="GET /x", origin="http://h:1", quote=QUOTE)


@pytest.mark.parametrize(
    "failure",
    [
        Failure("it broke", "broken", detail=DETAIL),
        Failure("it is too long", detail=DETAIL),
        Failure("it is packed", detail=DETAIL, status=200),
        broken(OSError(DETAIL)),
        not_http(DETAIL),
    ],
)
def test_every_failure_becomes_one_of_ours_without_its_control_characters_and_the_key(failure: Failure) -> None:
    ours = above(failure)
    assert str(ours).isprintable()
    assert "(detail with [2J and [key])" in str(ours)
    assert ours.request == "GET /x"


def test_what_has_a_cause_may_pass() -> None:
    fault = above(Failure("it took too long", "timeout"))
    assert isinstance(fault, Fault)
    assert (fault.cause, fault.reason) == ("timeout", "it took too long")
    assert "http://h:1" in fault.hint


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionResetError("reset"), "the connection broke (reset)"),
        (None, "the answer was cut short or is not HTTP (the server closed the connection)"),
    ],
)
def test_a_connection_that_ends_early_is_broken(error: Exception | None, reason: str) -> None:
    fault = above(broken(error))
    assert isinstance(fault, Fault)
    assert (fault.cause, fault.reason) == ("broken", reason)


def test_an_answer_that_cannot_be_used_is_a_bad_answer_with_the_hint_to_check_the_url() -> None:
    error = above(Failure("it is packed", status=203))
    assert isinstance(error, BadAnswer)
    assert error.status == 203
    assert "`url`" in error.hint


def test_what_could_not_be_sent_is_an_error_of_ours() -> None:
    error = above(Failure("it is too long"))
    assert type(error) is ApiError
    assert error.message == "GET /x: it is too long"
