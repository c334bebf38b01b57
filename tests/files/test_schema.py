"""The schemas, their findings in documents, and the fields that they know."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dlsync.errors import DlsyncError
from dlsync.files import schema, yaml
from dlsync.messages import json_text
from dlsync.model import Code, Json, Plan, Problem
from dlsync.operations.plan_document import as_document
from tests.builders.accounts import TEXT, VALUES
from tests.builders.plans import any_json, any_plan, any_text
from tests.builders.trees import criterion, dashboard, rule, widget

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD = Path(__file__).parent.parent / "schemas"
REPOSITORY = Path(__file__).parent.parent.parent
SCHEMAS = st.sampled_from(schema.names())


def told(content: str) -> list[str]:
    """Return the findings that the last lines of a bad example expect."""
    return [line[2:] for line in content.splitlines() if line.startswith(("# error: ", "# warning: "))]


def parts_of(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping in a schema with its path."""
    if isinstance(node, dict):
        yield path, node
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from parts_of(inner, f"{path}/{key}")


@pytest.fixture(params=schema.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# the schemas themselves


def test_there_is_a_schema_for_each_file_and_for_the_plan() -> None:
    assert schema.names() == ("dashboard", "dlsync", "link", "package", "plan", "plugin", "rule")


def test_each_schema_is_a_valid_json_schema_2020_12(name: str) -> None:
    plan_json = json.loads(schema.text(name))

    assert plan_json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert plan_json["$id"] == f"urn:dlsync:schema:{name}"
    assert jsonschema_rs.meta.is_valid(plan_json)


def test_every_field_has_a_description_for_the_editor(name: str) -> None:
    root = json.loads(schema.text(name))
    without = [
        f"{path}/{field}"
        for path, node in parts_of(root)
        for field, known in (node.get("properties", {}) if isinstance(node.get("properties"), dict) else {}).items()
        if not any("description" in part for part in schema.parts(root, known))
    ]

    assert without == []


def test_every_limit_has_a_description_of_the_expected_value(name: str) -> None:
    limits = {"minimum", "maximum", "exclusiveMinimum", "minLength", "not"}
    silent = [
        path
        for path, node in parts_of(json.loads(schema.text(name)))
        if limits & node.keys() and "x-expected" not in node
    ]

    assert silent == []


def test_an_unknown_schema_is_an_error_that_lists_the_available_schemas() -> None:
    with pytest.raises(DlsyncError, match='there is no schema "dashbord"') as caught:
        schema.text("dashbord")

    assert caught.value.hint == "There are: dashboard, dlsync, link, package, plan, plugin, rule."


def test_each_schema_at_the_root_of_the_repository_is_current(name: str) -> None:
    assert (REPOSITORY / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8") == schema.text(name)


def test_importing_the_schema_module_does_not_load_the_validator() -> None:
    code = "import sys, dlsync.files.schema; sys.exit('jsonschema_rs' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# findings


@pytest.mark.parametrize("file", sorted(BAD.glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_bad_example_gives_exactly_the_findings_that_it_names(file: Path) -> None:
    content = file.read_bytes()
    findings = schema.check(file.parent.name, yaml.parse(content, file.name))

    assert told(content.decode()) == [f"{finding.code.severity}: {finding.message}" for finding in findings]


def test_every_schema_has_bad_examples(name: str) -> None:
    assert list((BAD / name).glob("*.yaml"))


@given(SCHEMAS, any_json())
def test_the_findings_of_any_document_are_printable_and_reproducible(name: str, content: Json) -> None:
    findings = schema.check(name, content)

    assert all(finding.message.isprintable() for finding in findings)
    assert schema.check(name, content) == findings


@given(any_text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(False))
def test_resources_in_the_export_format_of_the_service_have_no_findings(name: str, threshold: Json) -> None:
    assert schema.check("rule", rule(criterion(name, threshold), title=name)) == []
    assert schema.check("dashboard", dashboard(widget(name), widget("Load"), title=name)) == []


@pytest.mark.parametrize("operator", ["gt", "lt", "ge", "le", "eq", "ne"])
def test_every_operator_is_known(operator: str) -> None:
    assert schema.check("rule", rule(criterion("a.b", 90, operator=operator))) == []


@pytest.mark.parametrize("action", [{"url": "https://example.org"}, {"details": {"url": "https://example.org"}}])
def test_a_webhook_is_known_in_both_spellings(action: dict[str, Json]) -> None:
    assert schema.check("rule", rule(actions=[{"type": "WEBHOOK", **action}])) == []


@pytest.mark.parametrize("agent", ["0c78", ["0c78", "1d"], None])
def test_a_scope_may_name_an_agent(agent: Json) -> None:
    scope: dict[str, Json] = {"agent": agent}
    assert schema.check("rule", rule({**criterion("a.b"), "scope": scope})) == []
    series: list[Json] = [{"metric": "a.b", "scope": scope}]
    assert schema.check("dashboard", dashboard(widget("a", series=series, metrics=["a.b"]))) == []


@pytest.mark.parametrize("output", ["NAGIOS", "PROMETHEUS", None])
def test_a_plugin_may_have_a_format(output: Json) -> None:
    assert schema.check("plugin", {"format": output}) == []


@given(TEXT, VALUES)
def test_an_unknown_field_is_a_warning_and_never_an_error(field: str, value: Json) -> None:
    assume(field not in schema.known_at("rule", ()).fields)
    (finding,) = schema.check("rule", rule(criterion("disk.used"), **{field: value}))

    assert (finding.code.severity, finding.path) == ("warning", (field,))


@given(any_plan())
def test_a_plan_as_json_conforms_to_its_schema(plan: Plan) -> None:
    assert schema.check("plan", json.loads(json_text(as_document(plan)))) == []


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"title": "\ud800"}, id="a lone surrogate"),
        pytest.param({1: "title"}, id="a key that is not text"),
    ],
)
def test_a_document_that_json_cannot_hold_is_a_single_error(document: Any) -> None:
    assert [finding.code.severity for finding in schema.check("rule", document)] == ["error"]
    assert not schema.allows("rule", document)


def test_excessive_nesting_is_a_single_error() -> None:
    plan_json: Json = {}
    for _ in range(1000):
        plan_json = [plan_json]

    assert [finding.message for finding in schema.check("dlsync", {"org": plan_json})] == [
        "this cannot be checked: it is nested too deeply, or a key or a character in it is not text"
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**5000], ids=["nan", "infinity", "5000 digits"])
def test_nan_infinity_and_a_huge_number_are_a_finding_at_their_path(value: Json) -> None:
    (finding,) = schema.check("rule", {"title": value, "criteria": []})

    assert finding.path == ("title",)


# places of findings


def test_a_finding_is_placed_at_its_line_and_column() -> None:
    content = b"title: Disk\ncriteria:\n  - metric: disk.used\n    conditoin: {threshold: 1}\n"
    findings = schema.check("rule", yaml.parse(content, "rules/disk.yaml"))

    assert schema.located(findings, "rules/disk.yaml", content) == [
        Problem(
            Code.MISSPELLED_FIELD,
            "`criteria[0]` has no `condition`; `criteria[0].conditoin`: did you mean `condition`?",
            "rules/disk.yaml",
            4,
            5,
        )
    ]


def test_a_finding_at_a_missing_path_is_placed_at_the_nearest_existing_parent() -> None:
    finding = schema.Finding(Code.INVALID_VALUE, ("criteria", 3, "metric"), "gone")

    assert schema.located([finding], "a.yaml", b"title: Disk\ncriteria: []\n") == [
        Problem(Code.INVALID_VALUE, "gone", "a.yaml", 2, 1)
    ]


def test_a_finding_without_a_text_has_no_place() -> None:
    assert schema.located([schema.Finding(Code.INVALID_VALUE, (), "gone")], "a.yaml", b"") == [
        Problem(Code.INVALID_VALUE, "gone", "a.yaml")
    ]


# the fields known at a path


def test_the_fields_of_a_list_item_are_known_at_every_index() -> None:
    expected = {"threshold", "timeout", "operator"}

    assert set(schema.known_at("rule", ("criteria", 0, "condition")).writable()) == expected
    assert set(schema.known_at("rule", ("criteria", 7, "condition")).writable()) == expected


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("dlsync", ("variables",)),
        ("dlsync", ("environments",)),
        ("dlsync", ("variables", "anything")),
        ("link", ()),
        ("rule", ("title",)),
        ("rule", ("nowhere", 0, "at", "all")),
    ],
)
def test_no_fields_are_known_where_keys_are_free_or_the_path_is_unknown(name: str, path: tuple[str | int, ...]) -> None:
    known = schema.known_at(name, path)

    assert (known.fields, known.owned, known.defaults) == ({}, frozenset(), {})


def test_an_environment_accepts_all_settings_except_environments() -> None:
    known = schema.known_at("dlsync", ("environments", "production")).writable()

    assert {*known} == {*schema.known_at("dlsync", ()).writable()} - {"environments"}


def test_fields_owned_by_the_server_are_not_writable() -> None:
    known = schema.known_at("rule", ("actions", 0))

    assert known.owned == {"id", "status"}
    assert not known.owned.intersection(known.writable())


def test_known_at_returns_the_defaults_of_optional_fields() -> None:
    assert schema.known_at("rule", ("criteria", 0, "condition")).defaults == {"operator": "gt"}
    assert schema.known_at("dashboard", ()).defaults == {"locked": False, "annotations": []}


def test_every_default_is_valid_in_its_schema(name: str) -> None:
    root = json.loads(schema.text(name))
    wrong = [
        path
        for path, node in parts_of(root)
        if "default" in node and not jsonschema_rs.is_valid({**node, "$defs": root.get("$defs", {})}, node["default"])
    ]

    assert wrong == []


def test_arranged_orders_fields_by_the_schema_and_puts_unknown_fields_last_by_name() -> None:
    plan_json = rule(criterion("disk.used"), zoom=1, answer=2)

    assert list(schema.arranged("rule", {**plan_json, "id": 7})) == ["title", "criteria", "answer", "zoom"]


def test_fields_that_only_the_server_sets_are_never_required(name: str) -> None:
    nodes = [node for _, node in parts_of(json.loads(schema.text(name))) if "required" in node]
    owned = [{one for one, part in node.get("properties", {}).items() if "readOnly" in part} for node in nodes]

    assert [node for node, some in zip(nodes, owned, strict=True) if some & {*node["required"]}] == []


@given(VALUES)
def test_allows_accepts_exactly_the_documents_without_errors(value: Json) -> None:
    plan_json = rule(criterion("disk.used"), extra=value)
    for one in (plan_json, {**plan_json, "criteria": value}):
        errors = [finding for finding in schema.check("rule", one) if finding.code.severity == "error"]
        assert schema.allows("rule", one) is not bool(errors)


# schema nodes

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
NODE = schema.schema_node(SCHEMA, SCHEMA)


def test_fields_from_references_and_all_of_belong_to_the_mapping() -> None:
    assert set(NODE.writable()) == {"name", "size", "people", "free", "by_name"}
    assert NODE.owned == {"id"}
    assert NODE.defaults == {"size": "small"}


def test_under_descends_into_list_items_and_user_defined_keys() -> None:
    people, by_name = NODE.fields["people"], NODE.fields["by_name"]
    assert people.under(0) == by_name.under("anybody") == schema.SchemaNode(fields={"name": schema.SchemaNode()})
    assert (people.under("name"), by_name.under(0)) == (None, None)


def test_in_schema_order_sorts_nested_fields_and_drops_fields_owned_by_the_server() -> None:
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
    arranged = schema.in_schema_order(NODE, document)

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


def test_a_document_of_known_fields_and_values_has_no_unknown_fields() -> None:
    document: Any = {
        "name": "a",
        "size": "large",
        "id": 1,
        "people": [{"name": "b"}],
        "free": {"any": [1]},
        "by_name": {"c": {}},
    }

    assert list(schema.unknown_fields(NODE, document, set())) == []


def test_unknown_fields_and_values_are_listed_in_document_order_with_suggestions() -> None:
    document: Any = {"by_name": {"c": {"nam": 1}}, "size": "medium", "people": [{}, {"age": 1}], "shoe": 42}

    assert [(one.path, one.message) for one in schema.unknown_fields(NODE, document, set())] == [
        (("by_name", "c", "nam"), "`by_name.c.nam`: did you mean `name`?"),
        (("size",), '`size` is "medium", known are "small", "large"'),
        (("people", 1, "age"), "`people[1].age` is not a known field"),
        (("shoe",), "`shoe` is not a known field"),
    ]


def test_a_document_of_another_structure_has_no_unknown_fields() -> None:
    assert list(schema.unknown_fields(NODE, {"people": {"a": 1}, "size": 7, "by_name": ["x"]}, set())) == []
