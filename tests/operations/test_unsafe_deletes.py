"""A resource is deleted only after the server confirms its replacement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.operations import ApplyOptions
from dlsync.operations.reconcile import ConflictPolicy
from tests.builders.applies import apply, changes, journals, plan
from tests.builders.between import below, through
from tests.builders.http import Reply, json_reply
from tests.builders.trees import account, resource, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Plan
    from tests.builders.between import Onward
    from tests.builders.http import Seen
    from tests.builders.trees import Account

    Answer = Callable[[Seen, Onward], Reply]

RULE = "title: A\ncriteria: []\n"
OTHER = "title: Other\ncriteria: []\n"
DASHBOARD = "title: A\npositions: []\n"
TEXTS = {"rules": RULE, "dashboards": DASHBOARD}
WRITES = {"PUT", "POST"}


def refused(_: Seen, __: Onward) -> Reply:
    return json_reply({"message": "no"}, 422)


def unavailable(_: Seen, __: Onward) -> Reply:
    return json_reply({"message": "later"}, 503)


def forgotten(seen: Seen, onward: Onward) -> Reply:
    return json_reply({})


FAULTS: dict[str, Answer] = {"422": refused, "503": unavailable, "200 but nothing stored": forgotten}


def disturbing(fault: Answer, *writes: str) -> Answer:
    """Answer the writes of some resources with a fault.

    :param writes: the paths of the resources, such as ``rules/a``.
    """

    def answer(seen: Seen, onward: Onward) -> Reply:
        method, _, path = below(seen).partition(" ")
        name = json.loads(seen.body).get("name", "") if (method, path) == ("POST", "plugins") else ""
        is_disturbed = method in WRITES and (path in writes or f"{path}/{name}" in writes)
        return fault(seen, onward) if is_disturbed else onward()

    return answer


def applied(live: Account, tree: Path, answer: Answer) -> Plan:
    options = ApplyOptions(journals=journals(tree))
    done = through(live, answer, lambda settings: operations.apply(tree, settings, options=options))
    assert done
    return done


@pytest.fixture
def live() -> Iterator[Account]:
    with account() as opened:
        yield opened


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("folder", TEXTS)
@pytest.mark.parametrize("edited", [False, True])
def test_a_rename_whose_create_fails_leaves_the_old_resource(
    live: Account, tmp_path: Path, fault: Answer, folder: str, *, edited: bool
) -> None:
    text = TEXTS[folder]
    tree = write_tree(tmp_path / "tree", {f"{folder}/a.yaml": text, "rules/second.yaml": OTHER})
    apply(live, tree)
    (tree / f"{folder}/a.yaml").unlink()
    write_tree(tree, {f"{folder}/b.yaml": text.replace("A", "B") if edited else text})
    done = applied(live, tree, disturbing(fault, f"{folder}/b"))
    kind = folder[:-1]
    assert [(str(one.address), one.result) for one in done.changes] == [
        (f"{kind}/b", "failed"),
        (f"{kind}/a", "skipped"),
    ]
    assert f"{kind}/b may replace it" in done.changes[1].error
    assert live.live(f"{kind}/a")
    assert [one.result for one in apply(live, tree).changes] == ["applied", "applied"]
    assert (live.live(f"{kind}/a"), bool(live.live(f"{kind}/b"))) == (None, True)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("folder", TEXTS)
def test_a_delete_is_skipped_if_the_update_that_takes_over_its_content_fails(
    live: Account, tmp_path: Path, fault: Answer, folder: str
) -> None:
    kind, text = folder[:-1], TEXTS[folder]
    files = {f"{folder}/a.yaml": text, f"{folder}/b.yaml": text.replace("A", "B"), "rules/keeper.yaml": OTHER}
    tree = write_tree(tmp_path / "tree", files)
    apply(live, tree)
    (tree / f"{folder}/b.yaml").rename(tree / f"{folder}/c.yaml")
    (tree / f"{folder}/a.yaml").rename(tree / f"{folder}/b.yaml")
    done = applied(live, tree, disturbing(fault, f"{folder}/b"))
    assert [one.result for one in done.changes] == ["failed", "applied", "skipped"]
    assert f"{kind}/b may replace it" in done.changes[-1].error
    assert live.live(f"{kind}/a")
    assert [one.result for one in apply(live, tree).changes] == ["applied", "applied"]


@pytest.mark.parametrize("folder", TEXTS)
def test_a_delete_is_held_if_the_resource_that_gets_its_content_is_held(
    live: Account, tmp_path: Path, folder: str
) -> None:
    kind, text = folder[:-1], TEXTS[folder]
    tree = write_tree(tmp_path / "tree", {f"{folder}/a.yaml": text, f"{folder}/b.yaml": text.replace("A", "B")})
    apply(live, tree)
    live.lacks(f"{kind}/b")
    live.has(resource(f"{kind}/b", text.replace("A", "By hand")))
    (tree / f"{folder}/b.yaml").rename(tree / f"{folder}/c.yaml")
    (tree / f"{folder}/a.yaml").rename(tree / f"{folder}/b.yaml")
    done = apply(live, tree)
    assert {str(one.address): one.held.partition(":")[0] for one in done.changes} == {
        f"{kind}/c": "",
        f"{kind}/b": "changed in the files and on the server",
        f"{kind}/a": f"{kind}/b gets its content and is held",
    }
    assert live.live(f"{kind}/a")
    apply(live, tree, decisions=ConflictPolicy(on_conflict="repo"))
    assert changes(plan(live, tree)) == []


@pytest.mark.parametrize("folder", TEXTS)
def test_a_held_create_does_not_hold_an_unrelated_delete(live: Account, tmp_path: Path, folder: str) -> None:
    kind, text = folder[:-1], TEXTS[folder]
    tree = write_tree(tmp_path / "tree", {f"{folder}/a.yaml": text, f"{folder}/b.yaml": text.replace("A", "B")})
    apply(live, tree)
    live.lacks(f"{kind}/a")
    write_tree(tree, {f"{folder}/a.yaml": text.replace("A", "Changed"), "rules/keeper.yaml": OTHER})
    (tree / f"{folder}/b.yaml").unlink()
    done = apply(live, tree)
    assert {str(one.address): (one.result, bool(one.held)) for one in done.changes} == {
        f"{kind}/a": ("skipped", True),
        f"{kind}/b": ("applied", False),
        "rule/keeper": ("applied", False),
    }


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_plugin_whose_rename_fails_keeps_its_links(live: Account, tmp_path: Path, fault: Answer) -> None:
    tree = write_tree(tmp_path / "tree", {"plugins/a.sh": b"1", "links.yaml": "a: [web]\n", "rules/r.yaml": RULE})
    apply(live, tree)
    (tree / "plugins/a.sh").unlink()
    write_tree(tree, {"plugins/b.sh": b"1", "links.yaml": "b: [web]\n"})
    done = applied(live, tree, disturbing(fault, "plugins/b"))
    assert {str(one.address): one.result for one in done.changes if one.action == "delete"} == {
        "link/a": "skipped",
        "plugin/a": "skipped",
    }
    assert (bool(live.live("plugin/a")), bool(live.live("link/a"))) == (True, True)
    assert {one.result for one in apply(live, tree).changes} == {"applied"}


def test_a_renamed_plugin_whose_new_link_fails_keeps_the_old_link_and_plugin(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"plugins/a.sh": b"1", "links.yaml": "a: [web]\n"})
    apply(live, tree)
    (tree / "plugins/a.sh").unlink()
    write_tree(tree, {"plugins/b.sh": b"1", "links.yaml": "b: [web]\n"})
    done = applied(live, tree, disturbing(refused, "links"))
    assert changes(done) == [
        "create plugin/b new applied",
        "create link/b new failed",
        "delete link/a repo skipped",
        "delete plugin/a repo skipped",
    ]
    assert "link/a needs it" in done.changes[-1].error
    assert live.live("link/a")


def test_a_failed_create_skips_only_the_delete_of_the_resource_that_it_replaces(live: Account, tmp_path: Path) -> None:
    tree = write_tree(
        tmp_path / "tree", {"rules/a.yaml": RULE, "rules/old.yaml": OTHER, "dashboards/d.yaml": DASHBOARD}
    )
    apply(live, tree)
    (tree / "rules/a.yaml").rename(tree / "rules/b.yaml")
    (tree / "rules/old.yaml").unlink()
    (tree / "dashboards/d.yaml").unlink()
    done = applied(live, tree, disturbing(refused, "rules/b"))
    assert {str(one.address): one.result for one in done.changes} == {
        "rule/b": "failed",
        "rule/a": "skipped",
        "rule/old": "applied",
        "dashboard/d": "applied",
    }


def rewriting(stored: str, *, listed: str = "", rules: bool = True) -> Answer:
    """Answer as a server that stores each rule under the same name.

    :param listed: the name in the server's list, if it is not the stored name.
    :param rules: whether the server can list rules.
    """

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "GET rules" and not rules:
            return json_reply({"error": "no such operation"}, 405)
        if below(seen) == "GET rules" and listed:
            return json_reply([{"name": listed}])
        before, rule, _ = seen.target.partition("/rules/")
        return onward(before + rule + stored if rule else seen.target)

    return answer


NAMES = {
    "case": ("Web", "web", rewriting("Web")),
    "case, with the new name listed": ("Web", "web", rewriting("Web", listed="web")),
    "case, with no list": ("Web", "web", rewriting("Web", rules=False)),
    "spaces": ("a", "a ", rewriting("a")),
    "a slug": ("web eu", "web-eu", rewriting("web-eu")),
}


@pytest.mark.parametrize(("old", "new", "answer"), NAMES.values(), ids=NAMES)
def test_a_rename_keeps_the_only_copy_of_a_resource_if_the_server_rewrites_names(
    live: Account, tmp_path: Path, old: str, new: str, answer: Answer
) -> None:
    tree = write_tree(tmp_path / "tree", {f"rules/{old}.yaml": RULE, "dashboards/d.yaml": DASHBOARD})
    options = ApplyOptions(journals=journals(tree))

    async def rolled_back(settings: Settings) -> list[Plan | None]:
        await operations.apply(tree, settings, options=options)
        (tree / f"rules/{old}.yaml").rename(tree / f"rules/{new}.yaml")
        write_tree(tree, {"dashboards/d.yaml": DASHBOARD.replace("A", "B")})
        applies = [await operations.apply(tree, settings, options=options) for _ in "12"]
        return [*applies, await operations.rollback(tree, settings, options=options)]

    done = through(live, answer, rolled_back)
    assert [f"{one.address} {one.result}" for made in done if made for one in made.changes if one.action == "delete"]
    assert len(live.run(lambda client: client.rules.list())) == 1
    assert live.live("dashboard/d")


def test_a_plan_holds_a_delete_with_a_reason_if_two_names_may_be_one_resource(live: Account, tmp_path: Path) -> None:
    old, new, answer = NAMES["spaces"]
    tree = write_tree(tmp_path / "tree", {f"rules/{old}.yaml": RULE, "dashboards/d.yaml": DASHBOARD})
    apply(live, tree)
    (tree / f"rules/{old}.yaml").rename(tree / f"rules/{new}.yaml")
    made = through(live, answer, lambda settings: operations.plan(tree, settings))
    (delete,) = made.changes
    assert (str(delete.address), delete.held.partition(", so ")[0]) == (
        "rule/a",
        "rule/a and rule/a  have the same content, and the server does not list both",
    )
    assert delete.held.endswith("run `dlsync release rule/a`")
    assert [*map(str, made.adopted)] == ["rule/a "]


def omitting(name: str) -> Answer:
    """Answer as a server whose list of rules omits a name."""

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) != "GET rules":
            return onward()
        return json_reply([one for one in json.loads(onward().body) if one["name"] != name])

    return answer


OMITTING = {"a list that omits it": ("a", "b", omitting("a")), **NAMES}


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize(("old", "new", "answer"), OMITTING.values(), ids=OMITTING)
def test_a_plan_holds_the_delete_of_a_rename_that_its_apply_would_skip(
    live: Account, tmp_path: Path, old: str, new: str, answer: Answer, *, edited: bool
) -> None:
    tree = write_tree(tmp_path / "tree", {f"rules/{old}.yaml": RULE, "dashboards/d.yaml": DASHBOARD})
    through(live, answer, lambda settings: operations.apply(tree, settings))
    (tree / f"rules/{old}.yaml").unlink()
    write_tree(tree, {f"rules/{new}.yaml": RULE.replace("A", "B") if edited else RULE})
    made = through(live, answer, lambda settings: operations.plan(tree, settings))
    done = through(live, answer, lambda settings: operations.apply(tree, settings))
    assert done
    assert {one.address: "skipped" if one.held else "applied" for one in made.changes} == {
        one.address: one.result for one in done.changes
    }
    assert live.run(lambda client: client.rules.list())


def test_a_rename_that_changes_only_case_is_applied_on_a_case_sensitive_server(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/Web.yaml": RULE})
    apply(live, tree)
    (tree / "rules/Web.yaml").rename(tree / "rules/web.yaml")
    assert changes(apply(live, tree)) == ["create rule/web new applied", "delete rule/Web repo applied"]
