"""Renames: how an apply resolves a held rename, and which resources a target selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from tests.builders.applies import apply, changes, plan
from tests.builders.trees import account, resource, write_tree
from tests.operations.test_accept import accept
from tests.operations.test_drift import drift

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.model import Json, ResourceChange
    from tests.builders.trees import Account


class Rename(NamedTuple):
    """A rename in the files of a resource that was edited on the server under its old name.

    :param before: the applied files; ``after``: the files that replace them.
    :param by_hand: the resources that were edited on the server in between.
    :param field: the edited field, its value before and its value after.
    :param merged: the renamed files with the edit of the server.
    """

    before: dict[str, str]
    after: dict[str, str]
    by_hand: dict[str, dict[str, Json] | str]
    field: tuple[str, Json, Json]
    merged: dict[str, str]


RULE, DASHBOARD, PLUGIN, LINK = "title: Web\ncriteria: []\n", "title: Web\npositions: []\n", "print()\n", "%s: [all]\n"
LINKED = {"plugins/old.py": PLUGIN, "links.yaml": LINK % "old"}
RELINKED = {"plugins/new.py": PLUGIN, "links.yaml": LINK % "new"}
RENAMES = {
    "rule": Rename(
        {"rules/old.yaml": RULE},
        {"rules/new.yaml": RULE},
        {"rule/old": RULE.replace("Web", "Mine")},
        ("title", "Web", "Mine"),
        {"rules/new.yaml": RULE.replace("Web", "Mine")},
    ),
    "dashboard": Rename(
        {"dashboards/old.yaml": DASHBOARD},
        {"dashboards/new.yaml": DASHBOARD},
        {"dashboard/old": DASHBOARD.replace("Web", "Mine")},
        ("title", "Web", "Mine"),
        {"dashboards/new.yaml": DASHBOARD.replace("Web", "Mine")},
    ),
    "plugin": Rename(
        LINKED,
        RELINKED,
        {"plugin/old": "mine()\n", "link/old": {"tags": ["all"]}},
        ("content", "print()\n", "mine()\n"),
        {"plugins/new.py": "mine()\n"},
    ),
    "link": Rename(
        LINKED,
        RELINKED,
        {"link/old": {"tags": ["all", "db"]}},
        ("tags", None, "db"),
        {"links.yaml": "new: [all, db]\n"},
    ),
}


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as opened:
        yield opened


@pytest.fixture(params=RENAMES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tree(live: Account, tmp_path: Path, kind: str) -> Path:
    """A tree whose rename an apply holds."""
    rename = RENAMES[kind]
    root = write_tree(tmp_path / "tree", rename.before)
    apply(live, root)
    for file in rename.before:
        (root / file).unlink()
    live.lacks(*rename.by_hand)
    live.has(*(resource(one, document) for one, document in rename.by_hand.items()))
    write_tree(root, rename.after)
    assert all(one.held for one in apply(live, root).changes)
    return root


def shown(change: ResourceChange) -> list[tuple[str, Json, Json]]:
    return [(str(one.path[0]), one.before, one.after) for one in change.diff]


def of(found: tuple[ResourceChange, ...], address: str) -> ResourceChange:
    return next(one for one in found if str(one.address) == address)


@pytest.mark.parametrize("way", ["repo", "live", "accept old", "accept new", "accept all drift", "by hand"])
def test_each_way_out_of_a_held_rename_ends_with_one_resource_and_an_empty_plan(
    live: Account, tree: Path, kind: str, way: str
) -> None:
    if way == "by hand":
        write_tree(tree, RENAMES[kind].merged)
    elif way.startswith("accept"):
        accept(live, tree, *(f"{kind}/{name}" for name in ("old", "new") if way.endswith(name)))
    sides: dict[str, ConflictPolicy] = {
        "repo": ConflictPolicy(on_conflict="repo"),
        "live": ConflictPolicy(on_conflict="live"),
    }
    made = apply(live, tree, decisions=sides.get(way, UNDECIDED))
    assert {one.result for one in made.changes} == {"applied"}, changes(made)
    assert not plan(live, tree)
    assert live.live(f"{kind}/old") is None
    field, _, changed = RENAMES[kind].field
    renamed = live.live(f"{kind}/new")
    assert renamed
    assert (str(changed) in str(renamed.document[field])) == (way != "repo")


def test_a_held_rename_shows_the_differing_field_and_gives_its_reason_once(
    live: Account, tree: Path, kind: str
) -> None:
    field, applied, changed = RENAMES[kind].field
    made = plan(live, tree)
    create = of(made.changes, f"{kind}/new")
    assert shown(create) == [(field, changed, applied)]
    assert f"`dlsync accept {kind}/old`" in create.held
    assert of(made.changes, f"{kind}/old").held == f"together with {kind}/new"
    reasons = [one.held for one in made.changes]
    assert [one for one in reasons if reasons.count(one) > 1 and not one.startswith("together with ")] == []


def test_the_plan_of_a_rename_shows_the_content_of_the_chosen_side(live: Account, tree: Path, kind: str) -> None:
    field, applied, changed = RENAMES[kind].field
    repo = of(plan(live, tree, decisions=ConflictPolicy(on_conflict="repo")).changes, f"{kind}/new")
    assert (shown(repo), repo.kept) == ([(field, changed, applied)], ())
    side = of(plan(live, tree, decisions=ConflictPolicy(on_conflict="live")).changes, f"{kind}/new")
    assert shown(side) == []
    assert [(one.path[0], one.before) for one in side.kept] == [(field, changed)]


def test_the_drift_of_a_renamed_resource_is_shown_with_its_fields_and_new_file(
    live: Account, tree: Path, kind: str
) -> None:
    (change,) = drift(live, tree).changes
    assert (str(change.address), change.renamed) == (f"{kind}/old", "new")
    assert change.file in RENAMES[kind].merged
    assert shown(change) == [RENAMES[kind].field]


@pytest.mark.parametrize("name", ["old", "new"])
@pytest.mark.parametrize("prune", ["managed", "all"])
def test_a_target_that_names_one_side_of_a_rename_selects_both(
    live: Account, tmp_path: Path, kind: str, name: str, prune: str
) -> None:
    rename, other = RENAMES[kind], {"rules/other.yaml": RULE.replace("Web", "Other")}
    root = write_tree(tmp_path / "tree", {**rename.before, **other})
    apply(live, root)
    for file in (*rename.before, *other):
        (root / file).unlink()
    write_tree(root, {**rename.after, "rules/more.yaml": RULE.replace("Web", "More")})
    made = apply(live, root, f"{kind}/{name}", prune=prune)
    assert {str(one.address): one.renamed for one in made.changes if one.address.kind == kind} == {
        f"{kind}/new": "old",
        f"{kind}/old": "new",
    }
    assert {one.address.name for one in made.changes} == {"old", "new"}
    assert {one.result for one in made.changes} == {"applied"}, changes(made)
    assert [live.live(f"{kind}/old"), live.live("link/old")] == [None, None]
    assert live.live(f"{kind}/new")
    assert live.live("rule/other")
    assert bool(live.live("link/new")) == (kind in {"plugin", "link"})


LONG = {
    "rule": "title: Web\ncriteria:\n  - {metric: cpu, condition: {operator: gt, threshold: 80}}\n",
    "dashboard": "title: Web\nperiod: 60\npositions:\n  - {col: 1, row: 1, size_x: 2, size_y: 2, widget: {}}\n",
    "plugin": "one()\ntwo()\nthree()\n",
}
OTHERS = {"rule": "title: Other\ncriteria: []\n", "dashboard": "title: Other\npositions: []\n", "plugin": "other()\n"}


@pytest.mark.parametrize("kind", LONG)
def test_a_target_with_the_old_name_of_an_edited_rename_also_selects_the_new_name(
    live: Account, tmp_path: Path, kind: str
) -> None:
    suffix, text = ("py" if kind == "plugin" else "yaml"), LONG[kind]
    before = {f"{kind}s/old.{suffix}": text, f"{kind}s/unlike.{suffix}": OTHERS[kind]}
    root = write_tree(tmp_path / "tree", before | ({"links.yaml": LINK % "old"} if kind == "plugin" else {}))
    apply(live, root)
    for file in before:
        (root / file).unlink()
    edited = text.replace("Web", "Shop").replace("three", "four")
    write_tree(
        root, {f"{kind}s/new.{suffix}": edited, f"{kind}s/other.{suffix}": OTHERS[kind].replace("ther", "thers")}
    )
    if kind == "plugin":
        write_tree(root, {"links.yaml": LINK % "new"})
    assert {one.address.name for one in plan(live, root, f"{kind}/unlike").changes} == {"unlike"}
    assert changes(plan(live, root, f"{kind}/new")) == [f"create {kind}/new new"]
    made = apply(live, root, f"{kind}/old")
    assert {(one.action, one.address.name, one.result) for one in made.changes} == {
        ("create", "new", "applied"),
        ("delete", "old", "applied"),
    }
    assert bool(live.live("link/new")) == (kind == "plugin")
    assert not plan(live, root, f"{kind}/new")


def test_a_target_that_names_a_new_link_selects_its_new_plugin(live: Account, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", {**RELINKED, "plugins/other.py": PLUGIN})
    assert changes(apply(live, root, "link/new")) == ["create plugin/new new applied", "create link/new new applied"]


@pytest.mark.parametrize("target", ["rule/a2", "rule/b2"])
def test_equal_resources_renamed_together_are_paired_in_the_order_of_their_names(
    live: Account, tmp_path: Path, target: str
) -> None:
    root = write_tree(tmp_path / "tree", {"rules/a1.yaml": RULE, "rules/a2.yaml": RULE, "rules/a3.yaml": RULE})
    apply(live, root)
    for old, new in (("a1", "b1"), ("a2", "b2")):
        (root / f"rules/{old}.yaml").rename(root / f"rules/{new}.yaml")
    (root / "rules/a3.yaml").unlink()
    pairs = {"b1": "a1", "b2": "a2", "a1": "b1", "a2": "b2"}
    assert {one.address.name: one.renamed for one in plan(live, root).changes} == {**pairs, "a3": ""}
    made = plan(live, root, target)
    assert {one.address.name: one.renamed for one in made.changes} == {"b2": "a2", "a2": "b2"}


@pytest.mark.parametrize("name", ["old", "new"])
def test_a_target_that_names_one_side_of_a_held_rename_holds_both(
    live: Account, tree: Path, kind: str, name: str
) -> None:
    held = {str(one.address) for one in plan(live, tree, f"{kind}/{name}").changes if one.held}
    assert held >= {f"{kind}/old", f"{kind}/new"}


def test_a_target_with_the_new_name_of_a_protected_resource_warns_that_the_old_name_stays(
    live: Account, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "tree", {"rules/old.yaml": RULE})
    apply(live, root)
    (root / "rules/old.yaml").rename(root / "rules/new.yaml")
    made = plan(live, root, "rule/new", protect=("rule/old",))
    assert changes(made) == ["create rule/new new"]
    assert [one.message for one in made.warnings] == ["rule/old has no file; it is protected, so it stays live"]
