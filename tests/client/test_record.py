from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.client.record import NAMES, Text, json_as, record_from, record_of, records_of
from dlsync.errors import BadAnswer
from tests.builders.http import answer_of
from tests.builders.plans import any_json

if TYPE_CHECKING:
    from dlsync.model import Json


@dataclass(frozen=True)
class Inner:
    id: Text


@dataclass(frozen=True)
class Thing:
    name: Text = field(metadata={NAMES: ("name", "plugin")})
    tags: tuple[str, ...] = ()
    note: str = ""
    inner: Inner = Inner("none")
    anything: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


def thing(**fields: Json) -> Thing:
    return record_from(answer_of(b"[{}]"), Thing, fields)


@given(
    st.dictionaries(st.sampled_from(["name", "plugin", "tags", "note", "inner", "anything", "extra", "x"]), any_json())
)
def test_any_object_is_a_bad_answer_or_a_record_with_its_unknown_fields_in_extra(fields: dict[str, Json]) -> None:
    before = json.dumps(fields)
    with suppress(BadAnswer):
        assert thing(**fields).extra == {key: fields[key] for key in ("extra", "x") if key in fields}
    assert json.dumps(fields) == before


def test_a_field_with_several_names_takes_the_first_text_and_leaves_no_name_in_extra() -> None:
    assert thing(name=None, plugin="base") == Thing("base")
    assert thing(name="a", plugin="b", c=1) == Thing("a", extra={"c": 1})


@pytest.mark.parametrize("fields", [{}, {"name": 5}, {"name": ""}, {"plugin": None}])
def test_a_missing_field_is_a_bad_answer_that_names_operation_and_field(fields: dict[str, Json]) -> None:
    with pytest.raises(BadAnswer, match=r"GET /orgs/.*: unexpected Thing: .*`(\$\.)?name`"):
        thing(**fields)


def test_a_field_deep_in_an_object_is_named_with_its_path() -> None:
    with pytest.raises(BadAnswer, match=r"missing required field `id` - at `\$\.inner`"):
        thing(name="a", inner={})
    with pytest.raises(BadAnswer, match=r"got `array` - at `\$\.inner`"):
        thing(name="a", inner=[])
    assert thing(name="a", inner={"id": "i"}).inner == Inner("i")


@pytest.mark.parametrize("value", [1, [], {}, True])
def test_an_optional_text_defaults_to_empty_and_accepts_only_text_or_null(value: Json) -> None:
    assert thing(name="a", note=None) == thing(name="a") == Thing("a")
    with pytest.raises(BadAnswer, match=r"`\$\.note`"):
        thing(name="a", note=value)


@pytest.mark.parametrize("value", ["all", [1], ["all", None], {}])
def test_a_list_of_texts_accepts_nothing_else(value: Json) -> None:
    with pytest.raises(BadAnswer, match=r"`\$\.tags"):
        thing(name="a", tags=value)
    assert thing(name="a", tags=["all", ""]).tags == ("all", "")


def test_a_field_that_the_caller_knows_may_be_missing() -> None:
    assert record_from(answer_of(b"{}"), Thing, {}, name="a") == Thing("a")
    assert record_from(answer_of(b"{}"), Thing, {"name": "b"}, name="a") == Thing("b")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
def test_a_body_that_is_not_an_object_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON object"):
        record_of(answer_of(body), Thing)
    assert record_of(answer_of(b'{"name": "a"}'), Thing) == Thing("a")


@pytest.mark.parametrize("body", [b"{}", b"null", b'["x"]', b'[{"name": "a"}, null]'])
def test_a_body_that_is_not_a_list_of_objects_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON list"):
        list(records_of(answer_of(body), Thing))
    assert list(records_of(answer_of(b'[{"name": "a"}]'), Thing)) == [Thing("a")]


def test_items_that_are_not_records_are_passed_to_the_callback() -> None:
    bad: list[BadAnswer] = []
    assert list(records_of(answer_of(b'[{}, 1, {"name": "a"}]'), Thing, bad.append)) == [Thing("a")]
    assert len(bad) == 2


@pytest.mark.parametrize("body", [b"{}", b"null", b"[1]", b'["x", {}]'])
def test_a_body_of_another_type_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer, match=r"Expected `\w+`, got"):
        json_as(answer_of(body), tuple[str, ...])
    assert json_as(answer_of(b'["a", "b"]'), tuple[str, ...]) == ("a", "b")
