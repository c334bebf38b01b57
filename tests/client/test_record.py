from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.record import Record, instant, record_of, records_of, texts_of
from dlsync.errors import BadAnswer
from tests.builders.http import answer_of
from tests.builders.plans import any_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Json

TAKERS: list[Callable[[Record, str], object]] = [
    Record.text,
    Record.text_if_any,
    Record.texts,
    Record.number,
    Record.number_if_any,
    Record.json,
    Record.record,
    Record.records,
]


def record(**fields: Json) -> Record:
    return Record(answer_of(b"[{}]"), fields)


@given(
    st.dictionaries(st.sampled_from("abc"), any_json()),
    st.lists(st.tuples(st.sampled_from(TAKERS), st.sampled_from("abc"))),
)
def test_whatever_comes_a_field_is_given_out_or_a_bad_answer_and_what_was_not_taken_is_the_rest(
    fields: dict[str, Json], taken: list[tuple[Callable[[Record, str], object], str]]
) -> None:
    before = json.dumps(fields)
    left = Record(answer_of(b""), fields)
    for take, name in taken:
        with suppress(BadAnswer):
            take(left, name)
    names = {name for _, name in taken}
    assert left.rest == {name: value for name, value in fields.items() if name not in names}
    assert json.dumps(fields) == before


def test_a_text_is_the_first_field_that_holds_one() -> None:
    assert record(name=None, plugin="base").text("name", "plugin") == "base"
    assert record(name="a", plugin="b").text("name", "plugin") == "a"


def test_of_the_fields_that_could_hold_a_text_none_is_left() -> None:
    both = record(name="a", plugin="b", c=1)
    both.text("name", "plugin")
    assert both.rest == {"c": 1}


@pytest.mark.parametrize("fields", [{}, {"name": 5}, {"name": ""}, {"plugin": None}])
def test_a_missing_field_is_a_bad_answer_that_names_operation_and_field(fields: dict[str, Json]) -> None:
    with pytest.raises(BadAnswer, match=r"GET /orgs/.*: the field `name` or `plugin` is missing or no text"):
        record(**fields).text("name", "plugin")


def test_a_field_deep_in_an_object_is_named_with_its_path() -> None:
    nested = record(source={"agent": {}}, points=[{}, {"time": None}])
    with pytest.raises(BadAnswer, match=r"`source\.agent\.id` is missing"):
        nested.record("source").record("agent").text("id")
    _, second = nested.records("points")
    with pytest.raises(BadAnswer, match=r"`points\.time` is missing or no number"):
        second.number("time")


def test_a_text_that_need_not_be_there_is_empty_without_one_and_nothing_but_a_text() -> None:
    assert record(a="x").text_if_any("a") == "x"
    assert record(a=None).text_if_any("a") == record().text_if_any("a") == ""
    with pytest.raises(BadAnswer, match="the field `a` is no text"):
        record(a=1).text_if_any("a")


@pytest.mark.parametrize(
    ("value", "number"), [(16, 16), (1.5, 1.5), (True, 1), (False, 0), (10**400, 10**400), (None, None)]
)
def test_a_number_is_given_as_it_is(value: Json, number: float | None) -> None:
    found = record(a=value).number_if_any("a")
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize("value", ["1", [], float("inf"), float("nan")])
def test_what_is_no_number_is_not_taken_for_one(value: Json) -> None:
    for fields in ({"a": value}, {}):
        with pytest.raises(BadAnswer, match="`a` is missing or no number"):
            record(**fields).number_if_any("a")


@pytest.mark.parametrize("value", [None, "all", [1], ["all", None], {}])
def test_a_list_of_texts_is_nothing_else(value: Json) -> None:
    with pytest.raises(BadAnswer, match="`tags` is missing or no list of texts"):
        record(tags=value).texts("tags")
    assert record(tags=["all", ""]).texts("tags") == ("all", "")


@pytest.mark.parametrize("value", [None, {}, [1], [{}, None]])
def test_a_list_of_objects_within_is_nothing_else(value: Json) -> None:
    with pytest.raises(BadAnswer, match="`points` is missing or no list of objects"):
        record(points=value).records("points")


@pytest.mark.parametrize("value", [None, [], "x"])
def test_an_object_within_is_nothing_else(value: Json) -> None:
    with pytest.raises(BadAnswer, match="`metric` is missing or no object"):
        record(metric=value).record("metric")


def test_what_is_taken_as_it_is_may_be_missing() -> None:
    assert record(a=[1]).json("a") == [1]
    assert record().json("a") is None


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_an_object_is_nothing_else(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON object"):
        record_of(answer_of(body))
    assert record_of(answer_of(b'{"a": 1}')).rest == {"a": 1}


@pytest.mark.parametrize("body", [b"{}", b"null", b'["x"]', b"[{}, null]"])
def test_a_list_of_objects_is_nothing_else(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON list"):
        list(records_of(answer_of(body)))
    assert [each.rest for each in records_of(answer_of(b'[{"a": 1}, {}]'))] == [{"a": 1}, {}]


@pytest.mark.parametrize("body", [b"{}", b"null", b"[1]", b'["x", {}]'])
def test_a_list_of_names_is_nothing_else(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON list of texts"):
        texts_of(answer_of(body))
    assert texts_of(answer_of(b'["a", "b"]')) == ("a", "b")


# times


def test_a_time_as_the_documentation_writes_it_is_aware() -> None:
    assert instant("2016-07-06T10:47:46.951Z") == datetime(2016, 7, 6, 10, 47, 46, 951_000, UTC)


def test_a_zone_is_kept_and_without_one_it_is_utc() -> None:
    assert instant("2016-07-06T10:47:46+02:00") == datetime(2016, 7, 6, 10, 47, 46, tzinfo=timezone(timedelta(hours=2)))
    assert instant("2016-07-06T10:47:46") == datetime(2016, 7, 6, 10, 47, 46, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "1455027939.5", "2016-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert instant(text) is None


@given(st.text())
def test_no_text_is_a_crash(text: str) -> None:
    found = instant(text)
    assert found is None or found.tzinfo
