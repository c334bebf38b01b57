"""References to variables and to the environment in resource files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from dlsync.files.interpolation import Interpolated, Values, escaped, resolve
from tests.builders.accounts import TEXT, VALUES

if TYPE_CHECKING:
    from dlsync.model import Json

KNOWN = Values(
    {"team": "web", "limit": 90, "one": 1, "on": True, "off": False, "none": None, "tags": ["a", "b"]},
    {"HOOK": "s3cret"},
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("${var:team}", "web"),
        ("${var:limit}", 90),
        ("${var:tags}", ["a", "b"]),
        ("${var:on}", True),
        ("the ${var:team} team: ${var:limit} %", "the web team: 90 %"),
        ("${var:on}/${var:off}/${var:one}/${var:none}", "true/false/1/"),
        ("${env:HOOK}", "s3cret"),
        ("https://example.org/${env:HOOK}", "https://example.org/s3cret"),
        ("$${var:team}", "${var:team}"),
        ("$$${var:team}", "$${var:team}"),
        ("${other:team} $x ${", "${other:team} $x ${"),
    ],
)
def test_a_reference_resolves_to_its_value(text: str, meant: Json) -> None:
    resolved = resolve(text, KNOWN)
    assert resolved.document == meant
    assert resolved.document is not True or meant is True
    assert resolved.faults == []


def test_references_are_resolved_at_any_depth_but_not_in_keys() -> None:
    document: Json = {"a": [{"${var:team}": "${var:team}", "n": 1}], "b": None}
    assert resolve(document, KNOWN).document == {"a": [{"${var:team}": "web", "n": 1}], "b": None}


def test_an_unset_reference_is_a_fault_at_its_path_with_a_suggestion() -> None:
    resolved = resolve({"a": ["${var:tean}", "x ${env:HOK}"]}, KNOWN)
    assert resolved.faults == [
        (("a", 0), "${var:tean} is not set: there is no `tean` in `variables` of dlsync.yaml; did you mean `team`?"),
        (("a", 1), "${env:HOK} is not set: there is no `HOK` in the environment"),
    ]


@pytest.mark.parametrize(("name", "sort"), [("tags", "list"), ("map", "mapping")])
def test_a_collection_cannot_stand_inside_a_text(name: str, sort: str) -> None:
    values = Values({"tags": [1], "map": {"a": 1}})
    assert resolve(f"x ${{var:{name}}}", values).faults == [
        ((), f"${{var:{name}}} is a {sort}, which cannot stand inside a text"),
    ]


def test_a_reference_inside_a_text_keeps_the_spelling_of_a_number() -> None:
    values = Values({"version": 1.1, "line": 49123}, numbers={"version": "1.10", "line": "0049123"})
    assert resolve("v${var:version} tel:${var:line}", values).document == "v1.10 tel:0049123"
    assert resolve(["${var:version}", "${var:line}"], values).document == [1.1, 49123]


@pytest.mark.parametrize("value", ["https://example.org/${env:HOOK}", "${var:team}", ["a", "é ${env:HOOK}"]])
def test_a_reference_in_a_variable_is_a_fault(value: Json) -> None:
    """dlsync replaces no reference in a variable, so a webhook address with ``${env:HOOK}`` would not work."""
    ((path, problem),) = resolve({"url": "${var:x}"}, Values({"x": value, "team": "web"}, {"HOOK": "s3cret"})).faults
    inner = "${var:team}" if value == "${var:team}" else "${env:HOOK}"
    assert path == ("url",)
    assert problem == f"${{var:x}} holds {inner}, and variables hold no references: write {inner} in this file"


def test_a_variable_may_hold_placeholders_of_other_tools() -> None:
    resolved = resolve("${var:x}", Values({"x": "$${env:HOOK} ${PATH} ${x:y}"}))
    assert (resolved.document, resolved.faults) == ("$${env:HOOK} ${PATH} ${x:y}", [])


def test_a_value_from_the_environment_is_a_secret_and_absent_from_the_repr() -> None:
    resolved = resolve(["${env:HOOK}", "${env:HOOK}!", "${var:team}"], KNOWN)
    assert resolved.secrets == {"s3cret": "${env:HOOK}"}
    assert "s3cret" not in repr(KNOWN)


@pytest.mark.parametrize(
    "document", ["${env:EMPTY}", "--token ${env:EMPTY}", ["a", "${env:EMPTY}"], {"tag": "${env:EMPTY}"}]
)
def test_an_empty_environment_variable_is_a_fault_unless_values_are_lenient(document: Json) -> None:
    """CI sets a missing secret to an empty text, which would clear the field."""
    resolved = resolve(document, Values({}, {"EMPTY": ""}))
    ((_, problem),) = resolved.faults
    assert problem == "${env:EMPTY} is empty in the environment; set it to the value, or remove the reference"
    assert (resolved.document, resolved.secrets) == (document, {})
    doubted = resolve(document, Values({}, {"EMPTY": ""}, lenient=True))
    assert (doubted.faults, doubted.doubts, len(doubted.unset)) == ([], [], 1)


def test_an_empty_variable_of_dlsync_yaml_is_a_value() -> None:
    assert resolve("${var:EMPTY}", Values({"EMPTY": ""})) == Interpolated("")


@given(VALUES)
def test_an_escaped_value_resolves_to_the_original_value(value: Json) -> None:
    assert resolve(escaped(value), Values()).document == value


@given(TEXT)
def test_escaping_keeps_the_meaning_of_texts_and_leaves_texts_without_references_unchanged(text: str) -> None:
    for value in (text, f"{text}${{var:x}}", f"$${text}{{", f"$${{{text}"):
        assert resolve(escaped(value), Values()).document == value
    assert "${" in text or escaped(text) == text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("${vr:team}", "${var:team}"),
        ("x ${ENV:HOOK}", "${env:HOOK}"),
        ("${vars:a} ${var:team}", "${var:a}"),
        ("${ env:HOOK }", "${env:HOOK}"),
        ("${env : HOOK}", "${env:HOOK}"),
        ("${env.HOOK}", "${env:HOOK}"),
        ("${ Var.team}", "${var:team}"),
    ],
)
def test_a_misspelled_reference_gives_a_doubt_with_a_suggestion(text: str, right: str) -> None:
    ((path, doubt),) = resolve({"a": text}, KNOWN).doubts
    assert path == ("a",)
    assert f"did you mean {right}?" in doubt


@pytest.mark.parametrize("text", ["${foo:x}", "a ${secret:db/password} b", "${host:name}", "${file: /run/key}"])
def test_a_reference_of_an_unknown_sort_gives_a_doubt(text: str) -> None:
    ((_, doubt),) = resolve({"a": text}, KNOWN).doubts
    assert doubt.endswith(" is no reference; expected ${var:NAME} or ${env:NAME}. Else write $${ for ${")


@pytest.mark.parametrize(
    "text", ["$${vr:team}", "${HOME}", "${host.name}", "$vr:team", "${port:-80}", "${N:0:3}", "${N: -3}", "${A:?no}"]
)
def test_placeholders_of_other_tools_give_no_doubt(text: str) -> None:
    assert resolve({"a": text}, KNOWN).doubts == []
