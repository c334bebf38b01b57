"""Each way out of a held rename ends with one resource, under its new name, and an empty plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from tests.builders.applies import apply, changes, plan
from tests.builders.trees import account, resource, write_tree
from tests.operations.test_accepting import accept
from tests.operations.test_drift import drift

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlsync.model import Json, ResourceChange
    from tests.builders.trees import Account


class Rename(NamedTuple):
    """A rename in the files of what was changed on the server under its old name.

    :param before: the files that were applied; ``after``: those that replace them.
    :param by_hand: what was put on the server in between.
    :param field: what it changed there, from what to what.
    :param merged: the files with the change of the server in them.
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


def test_a_held_rename_shows_what_differs_and_gives_its_reason_once(live: Account, tree: Path, kind: str) -> None:
    field, applied, changed = RENAMES[kind].field
    made = plan(live, tree)
    create = of(made.changes, f"{kind}/new")
    assert shown(create) == [(field, changed, applied)]
    assert f"`dlsync accept {kind}/old`" in create.held
    assert of(made.changes, f"{kind}/old").held == f"together with {kind}/new"
    reasons = [one.held for one in made.changes]
    assert [one for one in reasons if reasons.count(one) > 1 and not one.startswith("together with ")] == []


def test_the_side_that_wins_a_rename_is_what_its_plan_shows(live: Account, tree: Path, kind: str) -> None:
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


@pytest.mark.parametrize("name", ["old", "new"])
def test_a_target_that_names_one_side_of_a_held_rename_holds_both(
    live: Account, tree: Path, kind: str, name: str
) -> None:
    held = {str(one.address) for one in plan(live, tree, f"{kind}/{name}").changes if one.held}
    assert held >= {f"{kind}/old", f"{kind}/new"}


def test_a_target_that_names_the_new_name_of_a_protected_resource_warns_that_the_old_one_stays(
    live: Account, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "tree", {"rules/old.yaml": RULE})
    apply(live, root)
    (root / "rules/old.yaml").rename(root / "rules/new.yaml")
    made = plan(live, root, "rule/new", protect=("rule/old",))
    assert changes(made) == ["create rule/new new"]
    assert [one.message for one in made.warnings] == ["rule/old has no file; it is protected, so it stays live"]
