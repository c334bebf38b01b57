from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.response import error_of, words
from dlsync.client.retry import AttemptError
from dlsync.errors import (
    AlreadyExists,
    ApiError,
    BadAnswer,
    Forbidden,
    NotFound,
    NotModified,
    Rejected,
    ServerFault,
    Unauthorised,
    Unreachable,
)
from tests.builders.http import KEY, answer_of


@pytest.mark.parametrize(
    ("method", "status", "error"),
    [
        ("GET", 301, BadAnswer),
        ("GET", 304, NotModified),
        ("GET", 400, Rejected),
        ("GET", 401, Unauthorised),
        ("PUT", 403, Forbidden),
        ("GET", 408, AttemptError),
        ("GET", 522, AttemptError),
        ("GET", 404, NotFound),
        ("DELETE", 405, Rejected),
        ("POST", 409, AlreadyExists),
        ("POST", 422, AlreadyExists),
        ("PUT", 409, Rejected),
        ("PATCH", 422, Rejected),
        ("PUT", 413, Rejected),
        ("GET", 500, AttemptError),
        ("GET", 501, ServerFault),
        ("POST", 507, ServerFault),
        ("GET", 429, AttemptError),
        ("GET", 502, AttemptError),
        ("GET", 503, AttemptError),
        ("GET", 504, AttemptError),
    ],
)
def test_each_status_maps_to_a_type_of_error(method: str, status: int, error: type[ApiError | AttemptError]) -> None:
    found = error_of(method, answer_of(b"", status=status))
    assert type(found) is error
    assert found.status == status
    if isinstance(found, ApiError):
        assert found.request == "GET /orgs/acme/accounts/default/dashboards"


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (429, "throttled"),
        (503, "status"),
        (500, "failed"),
        (502, "broken"),
        (504, "broken"),
        (408, "broken"),
        (524, "broken"),
    ],
)
def test_each_temporary_error_status_maps_to_a_cause_for_the_retry(status: int, cause: str) -> None:
    fault = error_of("POST", answer_of(b"", status=status))
    assert isinstance(fault, AttemptError)
    assert fault.cause == cause


@given(st.integers(100, 599), st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE"]), st.binary())
def test_every_status_but_success_gives_an_api_error_or_an_attempt_error(status: int, method: str, body: bytes) -> None:
    error = error_of(method, answer_of(body, status=status))
    assert isinstance(error, ApiError | AttemptError) == (status // 100 != 2 or answer_of(body).is_html)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "no such user"}', "no such user"),
        (b'{"message": "nope"}', "nope"),
        (b'{"error": {"code": 1}, "message": "nope"}', "nope"),
        (b'{"error": "\\u001b[31mred\\ud800"}', "[31mred"),
        (b'{"error": "' + b"x" * 500 + b'"}', "x" * 200 + "…"),
        (f'{{"error": "unknown key {KEY}"}}'.encode(), "unknown key [key]"),
        (b"<html>", ""),
        (b'{"errors": ["a duplicate", "a duplicate", {"message": "of rule 1"}]}', "a duplicate: of rule 1"),
        (b'{"error": "Bad Request", "message": "title: too long", "code": 400}', "Bad Request: title: too long"),
        (b'{"type": "about:blank", "title": "Bad Request", "detail": "no title"}', "Bad Request: no title"),
        (b'{"detail": [{"loc": ["body", "title"], "msg": "field required"}]}', "field required"),
        (b'{"error": {"error": {"error": {"error": {"error": "deep"}}}}, "message": "nope"}', "nope"),
        (b'{"name": "a1", "key": "AGENTKEY-123456"}', ""),
        (b'{"name": "a1", "key": "AGENTKEY-12', ""),
        (b" null\n", ""),
        (b"upstream connect error\n or reset", "upstream connect error or reset"),
        (f"unknown key {KEY}".encode(), "unknown key [key]"),
        (b"", ""),
        (b"{}\n", ""),
        (b'{"error": ""}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_the_reason_of_the_server_is_quoted_in_short_without_secrets_and_control_characters(
    body: bytes, said: str
) -> None:
    assert words(answer_of(body)) == said


def test_a_rejection_says_the_request_the_status_and_the_reason() -> None:
    error = error_of("PUT", answer_of(b'{"error": "title is missing"}', status=400))
    expected = "GET /orgs/acme/accounts/default/dashboards: the server refuses this (400: title is missing)"
    assert str(error) == expected


def test_a_refused_key_says_where_the_key_comes_from() -> None:
    error = error_of("GET", answer_of(b"", status=401))
    assert isinstance(error, Unauthorised)
    assert "DLSYNC_API_KEY" in error.hint
    assert "--api-key-file" in error.hint


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://me:pw@other.example/login?token=t0ken#x", "https://other.example/login"),
        ("/login?next=t0ken", "/login"),
        ("//other.example/x", "//other.example/x"),
        ("http://[broken", "nowhere"),
        ("", "nowhere"),
        ("/\x1b[2J", "/ [2J"),
    ],
)
def test_the_error_for_a_redirect_names_its_target_without_secrets(location: str, target: str) -> None:
    error = error_of("GET", replace(answer_of(b"", status=302), headers={"location": location}))
    assert f"answered 302 and points to {target};" in str(error)
    assert isinstance(error, BadAnswer)
    assert "not the API. Check that `url`" in error.hint


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_hint_for_a_redirect_of_the_whole_api_names_the_new_url(slash: str) -> None:
    location = f"https://new.example/api/v1/orgs/acme/accounts/default/dashboards{slash}"
    error = error_of("GET", replace(answer_of(b"", status=308), headers={"location": location}))
    assert isinstance(error, ApiError)
    assert error.hint == "Set `url` to https://new.example/api/v1."


def test_a_407_is_reported_as_a_proxy_that_asks_for_a_password() -> None:
    error = error_of("GET", answer_of(b"", status=407))
    assert isinstance(error, Unreachable)
    assert "the proxy asks for a user and a password" in error.message
    assert "HTTP_PROXY" in error.hint


def test_the_error_for_a_429_carries_the_reason_the_retry_after_and_a_hint() -> None:
    found = error_of("GET", replace(answer_of(b'{"error": "slow down"}', status=429), headers={"retry-after": "7"}))
    assert isinstance(found, AttemptError)
    assert (found.reason, found.retry_after) == ("the server answered 429: slow down", "7")
    assert "requests_per_second" in found.hint
