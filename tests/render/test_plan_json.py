"""Plans as JSON, on which scripts rely."""

import json
from dataclasses import replace

from hypothesis import given

from dlsync.files import schema
from dlsync.messages import json_text
from dlsync.model import Address, Json, Plan
from dlsync.operations.plan_document import as_document
from tests.builders.plans import added, any_plan, assert_harmless, change, masked, moved, plan, replaced

UPDATE = change(
    "update",
    "dashboard/redis",
    replaced(("positions", 2, "color"), "red", "blue", 9),
    moved(("positions", 4), 1, 4, 20),
    file="dashboards/redis.yaml",
    line=9,
    cause="drift",
)


def test_a_plan_has_the_documented_json_format() -> None:
    assert as_document(plan(UPDATE, change("delete", "rule/old"), unchanged=3, commit="abc")) == {
        "format_version": 1,
        "url": "http://127.0.0.1:8080/api/v1",
        "org": "acme",
        "account": "default",
        "commit": "abc",
        "summary": {"create": 0, "update": 1, "delete": 1, "unchanged": 3, "conflict": 0},
        "adopted": [],
        "refused": [],
        "warnings": [],
        "changes": [
            {
                "kind": "dashboard",
                "name": "redis",
                "action": "update",
                "cause": "drift",
                "file": "dashboards/redis.yaml",
                "line": 9,
                "diff": [
                    {"path": ["positions", 2, "color"], "op": "replace", "before": "red", "after": "blue", "line": 9},
                    {
                        "path": ["positions", 4],
                        "op": "replace",
                        "before": {"index": 1},
                        "after": {"index": 4},
                        "line": 20,
                        "moved": True,
                    },
                ],
            },
            {
                "kind": "rule",
                "name": "old",
                "action": "delete",
                "cause": "repo",
                "file": None,
                "line": None,
                "diff": [],
            },
        ],
    }


def test_a_commit_that_is_not_known_is_null() -> None:
    assert as_document(plan())["commit"] is None


def test_after_an_apply_each_change_has_its_result_and_error() -> None:
    applied = as_document(plan(UPDATE.finished("failed", "no"), UPDATE.finished("applied"), UPDATE))
    assert [(one["result"], one["error"]) for one in applied["changes"]] == [
        ("failed", "no"),
        ("applied", None),
        ("skipped", None),
    ]


def test_numbers_that_json_does_not_have_are_text() -> None:
    values: list[Json] = [float("inf"), float("nan"), {"x": -float("inf")}, 10**5000, True, 1.5, 2**64]
    document = as_document(plan(change("create", "rule/x", added(("x",), values))))
    assert document["changes"][0]["diff"][0]["after"] == [
        "inf",
        "nan",
        {"x": "-inf"},
        hex(10**5000),
        True,
        1.5,
        2**64,
    ]


def test_held_kept_and_renamed_changes_and_movers_are_written_only_if_any() -> None:
    moved_by_both = replace(replaced(("title",), "a", "b"), mover="conflict")
    held = replace(change("update", "rule/x", moved_by_both, cause="conflict"), held="decide")
    kept = replace(change("update", "rule/y"), kept=(replace(replaced(("title",), "c", "d"), mover="drift"),))
    new, gone = replace(change("create", "rule/n"), renamed="o"), replace(change("delete", "rule/o"), renamed="n")
    document = as_document(replace(plan(held, kept, new, gone), adopted=(Address("rule", "z"),)))
    assert schema.check("plan", document) == []
    secret = as_document(
        plan(change("update", "rule/x", masked("changed", replaced(("url",), "${env:A}", "${env:A}"))))
    )
    assert schema.check("plan", secret) == []
    (one,) = secret["changes"][0]["diff"]
    assert (one["before"], one["after"], one["masked"]) == ("${env:A}", "${env:A}", "changed")
    assert document["adopted"] == ["rule/z"]
    assert document["summary"]["conflict"] == 1
    first, second, third, fourth = document["changes"]
    assert (first["held"], first["diff"][0]["mover"]) == ("decide", "conflict")
    assert [(one["path"], one["mover"]) for one in second["kept"]] == [(["title"], "drift")]
    assert (third["renamed_from"], fourth["renamed_to"]) == ("o", "n")
    assert not {"held", "kept", "renamed_from", "renamed_to"} & as_document(plan(UPDATE))["changes"][0].keys()


@given(any_plan())
def test_any_plan_is_one_ascii_document_that_the_schema_accepts(shown: Plan) -> None:
    text = json_text(as_document(shown))
    assert text.isascii()
    assert_harmless(text)
    assert text.endswith("}\n")
    document = json.loads(text, parse_constant=lambda name: f"{name} is not JSON")
    assert document == as_document(shown)
    without_surrogates = json.loads(text.replace("\\ud", "\\\\ud"))  # the checker refuses lone surrogates
    assert [one for one in schema.check("plan", without_surrogates) if one.code.severity == "error"] == []
