from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.response import Quoter, error_of, etag_of, items_of, json_of
from dlsync.errors import BadAnswer, NotModified
from tests.builders.http import KEY, Reply, answer_of, by_request, scripted

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)  # fmt: skip


@given(values, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_any_json_value_reads_back_unchanged(value: object, ascii_only: bool, encoding: str) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode(encoding)
    assert json_of(answer_of(body)) == value


@given(st.binary())
def test_any_body_is_parsed_or_is_a_bad_answer(body: bytes) -> None:
    with suppress(BadAnswer):
        json_of(answer_of(body))


@given(st.binary(), st.text())
def test_the_message_of_a_bad_answer_is_printable_for_any_response(body: bytes, content_type: str) -> None:
    assert answer_of(body, content_type).bad("expected YAML").message.isprintable()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[NaN]", b"[Infinity]", b"\xff", b'"\\ud800"', b'{"\\uDFFF": 1}', b"9" * 5000, b"[" * 100_000),
        *(b"[1e999]", b"[-1E+0400]", b"9" * 400 + b".0"),
    ],
)
def test_a_body_that_is_not_json_in_utf_8_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected JSON"):
        json_of(answer_of(body))


def test_a_long_but_valid_number_is_parsed() -> None:
    assert json_of(answer_of(b"[1e300, 1e-999, 1E+0002, " + b"0.5" + b"1" * 400 + b"]")) == [
        1e300,
        0,
        100,
        0.5 + 1 / 90,
    ]


def test_the_last_of_duplicate_keys_wins() -> None:
    assert json_of(answer_of(b'{"name": "a", "name": "b"}')) == {"name": "b"}


def test_too_many_nested_levels_are_a_bad_answer() -> None:
    for levels in (102, 500, 10_000):
        with pytest.raises(BadAnswer, match="too many nested levels"):
            json_of(answer_of(b"[" * levels + b"1" + b"]" * levels))
    assert json_of(answer_of(b"[" * 101 + b"1" + b"]" * 101))


def test_a_bad_answer_names_the_request_quotes_the_response_and_has_a_hint() -> None:
    page = f"<!DOCTYPE html>\x1b[2J<title>Log in, {KEY}</title>{'x' * 100}".encode()
    with pytest.raises(BadAnswer) as caught:
        json_of(answer_of(page, "text/html; charset=utf-8"))
    assert caught.value.message == (
        "GET /orgs/acme/accounts/default/dashboards: expected JSON; got text/html; charset=utf-8, "
        "beginning '<!DOCTYPE html> [2J<title>Log in, [key]</title>xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    )
    assert caught.value.status == 200
    assert "`url`" in caught.value.hint


def test_a_bad_answer_says_that_the_response_has_neither_content_type_nor_body() -> None:
    with pytest.raises(BadAnswer, match="got no content type, empty"):
        json_of(answer_of(b"", ""))


@pytest.mark.parametrize(
    ("body", "content_type", "is_page"),
    [
        (b"a: 1", "text/html; charset=utf-8", True),
        (b"a: 1", "Text/HTML", True),
        (b"<!doctype html>", "", True),
        (b"\xef\xbb\xbf \r\n<HTML lang=en>", "text/plain", True),
        (b"# <html>\n", "application/yaml", False),
        (b"", "text/html", False),
    ],
)
def test_a_web_page_is_recognised(body: bytes, content_type: str, is_page: bool) -> None:
    assert answer_of(body, content_type).is_html == is_page


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


@given(st.lists(values), st.sampled_from([None, 2]), st.sampled_from(["utf-8", "utf-8-sig"]), st.booleans())
def test_items_read_singly_equal_the_items_of_the_whole_list(
    value: list[object], indent: int | None, encoding: str, escaped: bool
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=escaped).encode(encoding)
    assert list(items_of(answer_of(body))) == value


@given(st.lists(values, max_size=3), st.data())
def test_a_body_that_is_an_invalid_list_is_also_invalid_read_item_by_item(
    value: list[object], data: st.DataObject
) -> None:
    text = json.dumps(value)
    place = data.draw(st.integers(0, len(text)))
    harmed = (
        text[:place] + data.draw(st.sampled_from(["", ",", "]", "[", " ", "1", "\\ud800"])) + text[place + 1 :]
    ).encode()
    try:
        whole = read_whole(harmed)
    except BadAnswer:
        with pytest.raises(BadAnswer, match="expected"):
            list(items_of(answer_of(harmed)))
    else:
        assert list(items_of(answer_of(harmed))) == whole


@pytest.mark.parametrize("body", [b"{}", b'"a"', b"1", b"null"])
def test_a_body_that_is_not_a_list_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON list"):
        list(items_of(answer_of(body)))


def test_items_before_an_unreadable_item_are_returned() -> None:
    items = items_of(answer_of(b"[1, 2, 1e999]"))
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(BadAnswer, match="expected JSON"):
        next(items)


def test_an_unreadable_item_is_reduced_to_its_name_or_reported_if_it_has_none() -> None:
    bad: list[BadAnswer] = []
    body = b'[{"name": "a"}, {"name": "b", "x": NaN}, {"plugin": "c", "x": 1e999}, {"x": NaN}, NaN]'
    assert list(items_of(answer_of(body), bad.append)) == [{"name": "a"}, {"name": "b"}, {"plugin": "c"}]
    assert ["in item" in error.message for error in bad] == [True, True]
    deep = b"[" + b"[" * 200 + b"]" * 200 + b"]"
    assert list(items_of(answer_of(deep), bad.append)) == []
    assert "too many nested levels" in bad[-1].message


@pytest.mark.parametrize("body", [b"", b"[", b'{"a": NaN}', b"[" * 100_000])
def test_an_invalid_list_is_a_bad_answer_even_if_bad_items_are_reported(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected"):
        list(items_of(answer_of(body), list[BadAnswer]().append))


# quoting

PIECE = 8
TOKEN = "Zq7/x+9Kd&2=pL4mW8vT1yBn5"
ECHOES = {
    "as it is": TOKEN,
    "in capitals": TOKEN.upper(),
    "cut by the server": TOKEN[:-9],
}
quote = Quoter("s3cret-key")
careful = Quoter(TOKEN)


@given(st.text())
def test_a_quotation_is_one_printable_line_within_its_limit(text: str) -> None:
    quoted = quote(text, 20)
    assert quoted.isprintable()
    assert len(quoted) <= 21


@given(st.text(), st.text(), st.integers(0, 60))
def test_the_key_is_never_quoted_not_even_its_beginning(before: str, after: str, limit: int) -> None:
    if "s" not in before + after:
        assert "s" not in quote(f"{before}s3cret-key{after}", limit)
        assert "s" not in quote(f"{before}s3cret-key{after}".encode("utf-8", "replace"), limit)


def pieces(text: str) -> set[str]:
    bare = "".join(text.split()).lower()
    return {bare[start : start + PIECE] for start in range(len(bare) - PIECE + 1)}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_eight_characters_of_the_key_in_a_row_are_never_quoted(echo: str) -> None:
    for before in range(0, 90, 7):
        start = "-" * before
        for quoted in (careful(" " * 300 + start + echo, 80), careful(f"{start}{echo}".encode(), 80)):
            assert not pieces(quoted) & pieces(TOKEN)
    assert "[key]" in careful(f"no user has {echo}, sorry")


def test_removing_keys_from_a_long_text_pulls_no_part_of_a_key_into_the_quotation() -> None:
    for count in range(0, 60, 9):
        for reached in range(400, 1800, 41):
            body = (f"{TOKEN}\0" * count + "-" * reached)[:reached] + TOKEN[:-1]
            assert not pieces(careful(body.encode(), 80)) & pieces(TOKEN)


def test_a_text_with_only_a_short_part_of_the_key_is_quoted_unchanged() -> None:
    said = "the key 'Zq7/x' has no access to dashboards: see https://example.com/help?topic=keys"
    assert careful(said) == said


def test_a_short_key_is_removed_only_as_a_whole() -> None:
    assert Quoter("k3y")("the k3y is wrong, the k3 is not") == "the [key] is wrong, the k3 is not"


def test_a_huge_text_is_quoted_up_to_the_limit_without_reading_all_of_it() -> None:
    assert careful("x" * 50_000_000, 80) == "x" * 80 + "…"
    assert careful(" " * 50_000_000 + "x", 80) == "…"


def test_an_ellipsis_marks_a_shortened_quotation() -> None:
    assert quote("a\x1b[31m\nb", 3) == "a […"
    assert quote("ab") == "ab"


def test_bytes_that_are_not_utf_8_can_be_quoted() -> None:
    assert quote(b"\xff\xfe\x00", 80) == "��"


def test_the_key_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(quote)


# ETags


@pytest.mark.parametrize("etag", ['"a"', 'W/"a"', '"!#~"'])
def test_a_valid_etag_is_returned_unchanged(etag: str) -> None:
    assert etag_of(etag) == etag


@pytest.mark.parametrize(
    "text", ["", "a", '""', '"a" "b"', '"a\r\nX: y"', '"a b"', '"\u00e4"', f'"{"a" * 300}"', 7, None]
)
def test_an_etag_that_no_header_should_carry_is_ignored(text: object) -> None:
    assert etag_of(text) == ""


@pytest.mark.anyio
async def test_a_known_etag_is_sent_and_a_304_raises_not_modified() -> None:
    async with scripted(by_request({"GET rules/a": Reply(304)}, Reply(500))) as (server, client):
        with pytest.raises(NotModified):
            await client.rules.read("a", '"known"')
    assert server.seen[0].headers["if-none-match"] == '"known"'


@pytest.mark.anyio
async def test_an_invalid_etag_is_not_sent() -> None:
    replies = {"GET rules/a": Reply(200, b"title: A\n", (("ETag", '"new"'),))}
    async with scripted(by_request(replies, Reply(500))) as (server, client):
        found = await client.rules.read("a", "no etag\r\nX: y")
    assert not {"if-none-match", "x"} & server.seen[0].headers.keys()
    assert found == (b"title: A\n", '"new"')


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the server did not create it; its name may be taken (422)"),
        (b'{"error": "interval: too large"}', "the server did not create it (422: interval: too large)"),
    ],
)
def test_a_422_to_create_with_a_reason_does_not_say_that_the_name_may_be_taken(body: bytes, problem: str) -> None:
    error = error_of("POST", answer_of(body, status=422))
    assert problem in str(error)
