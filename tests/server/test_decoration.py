from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from dlsync.server.documents import decorate
from dlsync.server.run import running
from dlsync.server.yaml_text import parse
from tests.builders.served import YAML, account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

DASHBOARD = "title: A\npositions: [{row: 1}, {row: 2}]\n"
RULE = """criteria: [{metric: a, scope: {tag: web}}]
actions: [{type: EMAIL, details: {emails: [a@b.example]}}, {emails: null}]
"""


@pytest.fixture
def decorating() -> Iterator[httpx2.Client]:
    with running(decorate=True) as server, account_of(server) as client:
        yield client


def test_a_dashboard_and_its_widgets_get_ids(decorating: httpx2.Client) -> None:
    decorating.put("dashboards/a", content=DASHBOARD)
    export = parse(decorating.get("dashboards/a").content)
    assert set(export) == {"title", "positions", "id", "modified"}
    assert [set(widget) for widget in export["positions"]] == [{"row", "id"}] * 2
    assert len({export["id"], *(widget["id"] for widget in export["positions"])}) == 3
    assert decorating.get("dashboards").json() == [{**export, "name": "a"}]


def test_a_rule_and_its_criteria_and_actions_are_decorated(decorating: httpx2.Client) -> None:
    decorating.put("rules/a", content=RULE)
    export = parse(decorating.get("rules/a", headers=YAML).content)
    assert set(export) == {"criteria", "actions", "id", "modified"}
    assert [set(criterion) for criterion in export["criteria"]] == [{"metric", "scope", "id"}]
    assert [action.get("details") for action in export["actions"]] == [
        {"emails": ["a@b.example"], "status": "OK"},
        None,
    ]


def test_the_json_view_of_a_rule_has_the_same_ids(decorating: httpx2.Client) -> None:
    decorating.put("rules/a", content=RULE)
    export = parse(decorating.get("rules/a", headers=YAML).content)
    view = decorating.get("rules/a").json()
    assert set(view) == {"name", "criteria", "actions", "id", "modified", "state", "mute"}
    assert view["id"] == export["id"] == view["criteria"][0]["rule"]
    assert [item["id"] for item in view["criteria"]] == [item["id"] for item in export["criteria"]]


def test_decorated_ids_stay_the_same_when_a_dashboard_is_imported_again(decorating: httpx2.Client) -> None:
    exports = []
    for _ in range(2):
        decorating.put("dashboards/a", content=DASHBOARD)
        exports.append({**parse(decorating.get("dashboards/a").content), "modified": ""})
    assert exports[0] == exports[1]


@pytest.mark.parametrize("document", [{"positions": "odd", "actions": {}}, {"positions": [1], "actions": ["odd"]}])
def test_decoration_leaves_widgets_and_actions_of_another_shape_unchanged(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    decorated = decorate(document, "dashboard", "1", "now")
    assert document == before
    assert decorated == {**document, "id": "1", "modified": "now"}


def test_a_decorated_export_with_special_characters_can_be_imported_again(decorating: httpx2.Client) -> None:
    decorating.put("dashboards/a", content='title: "\\x7f \\x85 \\x99 \\ufffe \\U0001f600 \u00e9"\npositions: []\n')
    export = decorating.get("dashboards/a").content
    assert parse(export)["title"] == "\x7f \x85 \x99 \ufffe \U0001f600 \u00e9"
    assert decorating.put("dashboards/a", content=export).is_success
