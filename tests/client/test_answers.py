from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from unittest.mock import Mock, patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.client import answers
from dlsync.client.answers import items_of, json_of, yaml_of
from dlsync.errors import BadAnswer
from tests.builders.http import KEY, answer_of

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)  # fmt: skip


@given(values, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_json_is_read_as_it_was_meant(value: object, ascii_only: bool, encoding: str) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode(encoding)
    assert json_of(answer_of(body)) == value


@given(st.binary())
def test_no_body_is_a_crash(body: bytes) -> None:
    with suppress(BadAnswer):
        json_of(answer_of(body))


@given(st.binary(), st.text())
def test_a_bad_answer_is_printable_whatever_came(body: bytes, content_type: str) -> None:
    assert answer_of(body, content_type).bad("expected YAML").message.isprintable()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[NaN]", b"[Infinity]", b"\xff", b'"\\ud800"', b'{"\\uDFFF": 1}', b"9" * 5000, b"[" * 100_000),
        *(b"[1e999]", b"[-1E+0400]", b"9" * 400 + b".0"),
    ],
)
def test_what_is_not_json_in_utf_8_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected JSON"):
        json_of(answer_of(body))


def test_a_number_that_is_only_long_is_one() -> None:
    assert json_of(answer_of(b"[1e300, 1e-999, 1E+0002, " + b"0.5" + b"1" * 400 + b"]")) == [
        1e300,
        0,
        100,
        0.5 + 1 / 90,
    ]


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    assert json_of(answer_of(b'{"name": "a", "name": "b"}')) == {"name": "b"}


def test_nesting_too_deep_is_called_that() -> None:
    for levels in (102, 500, 10_000):
        with pytest.raises(BadAnswer, match="nesting too deep"):
            json_of(answer_of(b"[" * levels + b"1" + b"]" * levels))
    assert json_of(answer_of(b"[" * 101 + b"1" + b"]" * 101))


def test_a_bad_answer_says_what_was_asked_what_came_and_what_to_check() -> None:
    page = f"<!DOCTYPE html>\x1b[2J<title>Log in, {KEY}</title>{'x' * 100}".encode()
    with pytest.raises(BadAnswer) as caught:
        json_of(answer_of(page, "text/html; charset=utf-8"))
    assert caught.value.message == (
        "GET /orgs/acme/accounts/default/dashboards: expected JSON; got text/html; charset=utf-8, "
        "beginning '<!DOCTYPE html> [2J<title>Log in, [key]</title>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    )
    assert caught.value.status == 200
    assert "`url`" in caught.value.hint


def test_an_empty_answer_without_a_type_is_called_that() -> None:
    with pytest.raises(BadAnswer, match="got no content type, empty"):
        json_of(answer_of(b"", ""))


@pytest.mark.parametrize("body", [b"a: 1\n", b"", b"\xff", b"# <html>\n"])
def test_an_export_is_returned_byte_for_byte(body: bytes) -> None:
    assert yaml_of(answer_of(body, "application/yaml")) == body


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a: 1", "text/html; charset=utf-8"),
        (b"a: 1", "Text/HTML"),
        (b"<!doctype html>", ""),
        (b"\xef\xbb\xbf \r\n<HTML lang=en>", "text/plain"),
    ],
)
def test_a_web_page_is_no_export(body: bytes, content_type: str) -> None:
    with pytest.raises(BadAnswer, match="expected YAML"):
        yaml_of(answer_of(body, content_type))


def test_a_private_answer_is_never_shown_not_even_its_beginning() -> None:
    private = replace(answer_of(b'[{"agent_keys": ["k3y"]'), private=True)
    with pytest.raises(BadAnswer, match="expected JSON; got application/json, 23 bytes that are not shown") as caught:
        json_of(private)
    assert "k3y" not in caught.value.message
    with pytest.raises(BadAnswer, match="empty"):
        json_of(replace(private, body=b""))


def test_the_body_and_the_key_are_not_in_the_repr() -> None:
    assert "beef" not in repr(answer_of(b"beef"))
    assert KEY not in repr(answer_of(b"beef"))


# lists


def read_whole(body: bytes) -> object:
    value = json_of(answer_of(body))
    if not isinstance(value, list):
        raise BadAnswer("expected a JSON list")
    return value


PIECES = st.sampled_from([1, 2, 5, answers._PIECE])


def items(body: bytes, piece: int) -> list[object]:
    """What a list holds that is decoded in pieces of so many bytes."""
    with patch.object(answers, "_PIECE", piece):
        return list(items_of(answer_of(body)))


@example(value=[0.25, 1.5e300, 2e-07, -1], indent=None, encoding="utf-8", escaped=True, piece=1)
@given(st.lists(values), st.sampled_from([None, 2]), st.sampled_from(["utf-8", "utf-8-sig"]), st.booleans(), PIECES)
def test_the_items_of_a_list_are_those_of_the_whole(
    value: list[object], indent: int | None, encoding: str, escaped: bool, piece: int
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=escaped).encode(encoding)
    assert items(body, piece) == value


@given(st.lists(values, max_size=3), PIECES, st.data())
def test_a_list_that_is_none_is_none_item_by_item_too(value: list[object], piece: int, data: st.DataObject) -> None:
    text = json.dumps(value)
    place = data.draw(st.integers(0, len(text)))
    harmed = (
        text[:place] + data.draw(st.sampled_from(["", ",", "]", "[", " ", "1", "\\ud800"])) + text[place + 1 :]
    ).encode()
    try:
        whole = read_whole(harmed)
    except BadAnswer:
        with pytest.raises(BadAnswer, match="expected"):
            items(harmed, piece)
    else:
        assert items(harmed, piece) == whole


def test_a_list_is_decoded_piece_by_piece_and_a_long_item_in_few_of_them() -> None:
    pieces = Mock(wraps=answers._STRICT.raw_decode)
    with patch.object(answers, "_STRICT", Mock(raw_decode=pieces)):
        assert items(json.dumps(["x" * 100] * 9).encode(), 200) == ["x" * 100] * 9
        assert max(len(call.args[0]) for call in pieces.call_args_list) <= 400
        pieces.reset_mock()
        assert items(json.dumps(["x" * 10_000]).encode(), 10) == ["x" * 10_000]
        assert pieces.call_count <= 12


def test_items_come_before_what_is_wrong_behind_them() -> None:
    items = items_of(answer_of(b"[1, 2, oops"))
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(BadAnswer, match="expected JSON"):
        next(items)
