"""The names ``.`` and ``..``, which no URL can hold: an error in files, and reported if the server has them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.operations.plan import PlanOptions
from dlsync.resources import loader
from dlsync.resources.selector import Targets
from tests.builders.between import below, through
from tests.builders.http import json_reply
from tests.builders.inventories import name_no_account
from tests.builders.trees import account, dashboard, resource, rule, tree_files, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Json, Plan
    from dlsync.operations.export import Export
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

DOTS = (".", "..")
WRITTEN = ("dashboards/web.yaml", "rules/web.yaml", "plugins/disk.sh", "plugins/disk.meta.yaml")
KINDS = ("dashboard", "link", "plugin", "rule")
FIELDS: Mapping[str, dict[str, Json]] = {
    "dashboards": {"title": "Up", "positions": []},
    "links": {"tags": ["all"]},
}
FAULT = "no URL can hold this name; rename or delete it on the server's own pages"


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as live:
        live.has(resource("dashboard/web", dashboard()), resource("rule/web", rule()))
        live.has(resource("plugin/disk", {"content": "x", "extension": "sh", "interval": 60}))
        yield live


def with_dots(seen: Seen, onward: Onward) -> Reply:
    """Answer as a server that has resources of each kind with these names."""
    kind = below(seen).removeprefix("GET ")
    if kind not in {"dashboards", "links", "plugins", "rules"}:
        return onward()
    fields = FIELDS.get(kind, {})
    dots = [{"id": name * 3, "name": name, "plugin": name, **fields} for name in DOTS]
    return json_reply([*json.loads(onward().body), *dots])


def planned(live: Account, tree: Path, *targets: str) -> Plan:
    async def work(settings: Settings) -> Plan:
        return await operations.plan(tree, replace(settings, prune="all"), options=PlanOptions(targets=targets))

    return through(live, with_dots, work)


def exported(live: Account, tree: Path, *targets: str) -> Export:
    async def work(settings: Settings) -> Export:
        return await operations.export(tree, settings, targets=Targets(targets), mirror=True)

    return through(live, with_dots, work)


def test_an_export_reports_dot_names_and_writes_the_other_resources(live: Account, tmp_path: Path) -> None:
    made = exported(live, tmp_path)
    assert sorted(one.message for one in made.problems if one.severity == "error") == sorted(
        f"{kind}/{name}: {FAULT}" for kind in KINDS for name in DOTS
    )
    assert {*tree_files(tmp_path)} == {*WRITTEN}
    assert not exported(live, tmp_path)


def test_each_plan_warns_about_dot_names_and_deletes_none_of_their_resources(live: Account, tmp_path: Path) -> None:
    exported(live, tmp_path)
    for _ in range(2):
        made = planned(live, tmp_path)
        assert not made.changes
        assert {one.message for one in made.warnings} == {f"{kind}/{name}: {FAULT}" for kind in KINDS for name in DOTS}


def test_dot_names_outside_the_targets_are_not_reported(live: Account, tmp_path: Path) -> None:
    assert [one.message for one in exported(live, tmp_path, "rule/*").problems] == [
        f"rule/{name}: {FAULT}" for name in DOTS
    ]
    assert exported(live, tmp_path, "rule/web").problems == ()
    assert planned(live, tmp_path, "rule/web").warnings == ()


def test_a_plan_ignores_a_dot_name_in_the_inventory(live: Account, tmp_path: Path) -> None:
    async def applied(settings: Settings) -> None:
        await operations.apply(tmp_path, replace(settings, inventory="inventory.json"))

    exported(live, tmp_path)
    through(live, with_dots, applied)
    name_no_account(tmp_path / "inventory.json")
    text = (tmp_path / "inventory.json").read_text()
    (tmp_path / "inventory.json").write_text(text.replace("rule/web", "rule/.."))

    async def work(settings: Settings) -> Plan:
        return await operations.plan(tmp_path, replace(settings, inventory="inventory.json"))

    assert "rule/.." not in [str(one.address) for one in through(live, with_dots, work).changes]


@pytest.mark.parametrize("name", DOTS)
def test_an_export_with_a_dot_name_as_its_target_reports_it(live: Account, tmp_path: Path, name: str) -> None:
    made = exported(live, tmp_path, f"rule/{name}")
    assert (made.files, [one.message for one in made.problems]) == ((), [f"rule/{name}: {FAULT}"])


@pytest.mark.parametrize("escaped", ["%2E", "%2E%2E"])
def test_files_of_resources_with_dot_names_are_errors(tmp_path: Path, escaped: str) -> None:
    name = escaped.replace("%2E", ".")
    write_tree(
        tmp_path,
        {
            f"dashboards/{escaped}.yaml": "title: Up\npositions: []\n",
            f"rules/{escaped}.yaml": "title: Up\ncriteria: []\n",
            f"plugins/{escaped}.sh": "",
            f"packs/p/dashboards/sub/{escaped}.yaml": "title: Up\npositions: []\n",
            "links.yaml": f"web: [all]\n'{name}': [all]\n",
        },
    )
    message = f"the name `{name}` means a folder in a URL; choose another name"
    assert [(one.file, one.line) for one in loader.read(tmp_path).errors if one.message == message] == [
        (f"dashboards/{escaped}.yaml", 1),
        ("links.yaml", 2),
        (f"packs/p/dashboards/sub/{escaped}.yaml", 1),
        (f"plugins/{escaped}.sh", 1),
        (f"rules/{escaped}.yaml", 1),
    ]
