"""Outlines: sentences that describe a new item to a reviewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.resources import kind_of
from tests.builders.plans import any_json
from tests.builders.trees import criterion, widget

if TYPE_CHECKING:
    from dlsync.model import Json, Path

PATHS: list[Path] = [("criteria",), ("criteria", 0), ("actions",), ("positions",), ("positions", 1), ("content",), ()]
MAIL: Json = {"emails": ["a@example.org", "b@example.org"], "message": "See the runbook"}


def outline(kind: str, path: Path, value: Json) -> list[str]:
    return [*kind_of(kind).outline(path, value)]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (criterion("base.cpu"), "base.cpu is above 90 for 2 min on tag web"),
        (criterion("a.b", 5.5, operator="le", timeout=90), "a.b is at most 5.5 for 90 s on tag web"),
        (criterion("a.b", 1, operator="near", timeout=7200, jitter=3), "a.b near 1 for 2 h on tag web, jitter 3"),
        ({"metric": "agent.status", "condition": {"threshold": False}}, "agent.status is down"),
        (
            {"metric": "a.b", "scope": {"tag": ["x", "y"], "agent": "1"}, "condition": {"threshold": "${env:MOST}"}},
            "a.b is above ${env:MOST} on tags x, y and agent 1",
        ),
        ({"metric": "a.b", "condition": 5, "mute": True}, "a.b is above null, mute true"),
    ],
)
def test_the_outline_of_a_criterion_is_a_sentence(item: dict[str, Json], expected: str) -> None:
    assert outline("rule", ("criteria",), [item]) == outline("rule", ("criteria", 3), item) == [expected]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (MAIL, "emails a@example.org, b@example.org, message See the runbook"),
        ({}, "emails no address"),
        ({"emails": None, "url": "https://example.org"}, "url https://example.org"),
        ({"type": "WEBHOOK", "url": "${env:HOOK}"}, "calls ${env:HOOK}"),
        ({"type": "SMS", "to": "1"}, "SMS, to 1"),
    ],
)
def test_the_outline_of_an_action_is_a_sentence(item: dict[str, Json], expected: str) -> None:
    assert outline("rule", ("actions",), [item]) == [expected]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (widget("Load", metrics=["base.*"]), "Load, number: Load.load on tag web, base.*"),
        ({"row": 1, "series": [{"metric": "a.b"}, 5]}, "a widget without a title: a.b"),
        ({"title": "Empty", "series": None}, "Empty"),
    ],
)
def test_the_outline_of_a_widget_is_its_title_type_and_metrics(item: dict[str, Json], expected: str) -> None:
    assert outline("dashboard", ("positions",), [item]) == outline("dashboard", ("positions", 0), item) == [expected]


def test_the_outline_of_a_text_is_its_first_lines() -> None:
    script = "".join(f"line {number}\n" for number in range(1, 10))
    assert outline("plugin", ("content",), script)[-2:] == ["line 8", "... 1 more line"]
    assert outline("plugin", ("content",), script + "line 10")[-1] == "... 2 more lines"
    assert outline("rule", ("description",), "a\nb\n") == ["a", "b"]
    assert outline("plugin", ("extension",), "sh") == []


def test_a_field_of_an_item_has_no_outline() -> None:
    assert outline("rule", ("criteria", 0, "scope"), {"tag": "web"}) == []
    assert outline("dashboard", ("positions", 0, "series"), [{"metric": "a.b"}]) == []


@given(st.sampled_from(["dashboard", "rule", "plugin", "link"]), st.sampled_from(PATHS), any_json())
def test_the_outline_of_any_value_consists_of_strings(kind: str, path: Path, value: Json) -> None:
    assert all(isinstance(line, str) for line in outline(kind, path, value))
