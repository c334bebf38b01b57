"""What a schema knows of each place."""

from __future__ import annotations

import json
from typing import Any

from dlsync.files import schema_index
from dlsync.files.schema_index import Known, UnknownField

SCHEMA: dict[str, Any] = {
    "allOf": [{"$ref": "#/$defs/common"}],
    "properties": {
        "size": {"anyOf": [{"enum": ["small", "large"]}, {}], "default": "small"},
        "id": {"readOnly": True},
        "people": {"items": {"$ref": "#/$defs/common"}},
        "free": {"type": "object"},
        "by_name": {"additionalProperties": {"$ref": "#/$defs/common"}},
    },
    "$defs": {"common": {"properties": {"name": {"type": "string"}}}},
}
SHAPE = schema_index.compiled(SCHEMA)


def test_references_and_all_of_are_part_of_the_mapping() -> None:
    assert SHAPE.known(()) == Known(
        fields=frozenset({"name", "size", "people", "free", "by_name"}),
        owned=frozenset({"id"}),
        defaults={"size": "small"},
    )


def test_a_list_and_names_of_the_users_own_lead_on() -> None:
    assert SHAPE.known(("people", 0)) == SHAPE.known(("by_name", "anybody"))
    assert SHAPE.known(("people", 0)).fields == frozenset({"name"})


def test_nothing_is_known_below_what_the_schema_leaves_open() -> None:
    assert SHAPE.known(("free",)) == SHAPE.known(("nowhere", 0)) == Known()


def test_arranged_is_the_order_of_the_schema_unknown_fields_last_by_name_without_what_the_server_owns() -> None:
    document: Any = {
        "zoom": {"b": 1, "a": [{"d": 1, "c": 2}]},
        "answer": [1, {}],
        "name": "a",
        "by_name": {"y": {"zoom": 1, "name": "c"}, "x": 1},
        "people": [{"age": 1, "name": "b"}, [2]],
        "id": 1,
        "free": {"d": 1, "c": 2},
        "size": "large",
    }
    arranged = schema_index.arranged(SHAPE, document)

    assert json.dumps(arranged) == json.dumps(
        {
            "size": "large",
            "people": [{"name": "b", "age": 1}, [2]],
            "free": {"c": 2, "d": 1},
            "by_name": {"x": 1, "y": {"name": "c", "zoom": 1}},
            "name": "a",
            "answer": [1, {}],
            "zoom": {"a": [{"c": 2, "d": 1}], "b": 1},
        }
    )
    assert next(iter(document)) == "zoom"


def test_a_document_of_known_fields_and_values_has_no_strays() -> None:
    document: Any = {
        "name": "a",
        "size": "large",
        "id": 1,
        "people": [{"name": "b"}],
        "free": {"any": [1]},
        "by_name": {"c": {}},
    }

    assert schema_index.strays(SHAPE, document) == []


def test_strays_come_in_the_documents_order_with_what_is_known_there() -> None:
    document: Any = {"by_name": {"c": {"nam": 1}}, "size": "medium", "people": [{}, {"age": 1}], "shoe": 42}

    assert schema_index.strays(SHAPE, document) == [
        UnknownField(("by_name", "c", "nam"), "nam", is_field=True, known=("name",)),
        UnknownField(("size",), "medium", is_field=False, known=("small", "large")),
        UnknownField(("people", 1, "age"), "age", is_field=True, known=("name",)),
        UnknownField(("shoe",), "shoe", is_field=True, known=("size", "people", "free", "by_name", "name")),
    ]


def test_a_document_of_another_structure_is_no_stray() -> None:
    assert schema_index.strays(SHAPE, {"people": {"a": 1}, "size": 7, "by_name": ["x"]}) == []
