"""Operations on a server that has unreadable resources."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dlsync import operations
from dlsync.errors import ApiError
from dlsync.operations import ApplyOptions
from dlsync.operations.plan import PlanOptions
from dlsync.operations.reconcile import UNDECIDED, ConflictPolicy
from dlsync.resources.selector import EVERYTHING, Targets
from tests.builders.applies import apply, changes, journals, managed
from tests.builders.between import below, through
from tests.builders.http import Reply, json_reply
from tests.builders.reporters import Recorder
from tests.builders.trees import Account, resource, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Plan
    from dlsync.operations.export import Export
    from tests.builders.between import Onward
    from tests.builders.http import Seen

DEEP = b"title: " + b"[" * 200 + b"]" * 200
BROKEN = {
    "infinity": b"title: Web\nthreshold: .inf\n",
    "not a number": b"title: Web\nthreshold: .nan\n",
    "binary": b"title: !!binary aGVsbG8=\n",
    "keys that are no texts": b"? [a, b]\n: c\n",
    "broken YAML": b"title: [\n",
    "nothing": b"",
    "a list": b"- a\n",
    "deep nesting": DEEP,
    "another encoding": b"title: \xff\xfe\n",
    "an error of a gateway": b'{"error": "upstream timeout", "code": 504}',
}
INFINITE = "what the server sent is not YAML: 2:12: found .inf; expected a finite number"
FILES: dict[str, str | bytes] = {
    "rules/web.yaml": "title: Web\ncriteria: []\n",
    "rules/db.yaml": "title: Db\ncriteria: []\n",
    "dashboards/web.yaml": "title: Web\npositions: []\n",
}


@dataclass
class BrokenServer:
    """A proxy that answers GET requests of some paths with unreadable content until they are written."""

    replies: dict[str, Reply]
    writes: list[str] = field(default_factory=list)

    def __call__(self, seen: Seen, onward: Onward) -> Reply:
        method, _, path = below(seen).partition(" ")
        if method != "GET":
            if not path.startswith("plugins/dlsync-") and path != "plugins":
                self.writes.append(below(seen))
            self.replies.pop(path, None)
        elif path in self.replies:
            return self.replies[path]
        return onward()


@dataclass
class Team:
    """A tree and an account on a server with unreadable resources."""

    live: Account
    tree: Path
    server: BrokenServer

    def plan(self, decisions: ConflictPolicy = UNDECIDED, **settings: str) -> Plan:
        plan_options = PlanOptions(decisions=decisions)

        async def work(to: Settings) -> Plan:
            return await operations.plan(self.tree, replace(to, **settings), options=plan_options)  # type: ignore[arg-type] # any setting

        return through(self.live, self.server, work)

    def apply(self, decisions: ConflictPolicy = UNDECIDED) -> Plan:
        self.server.writes.clear()
        options, plan_options = ApplyOptions(journals=journals(self.tree)), PlanOptions(decisions=decisions)
        done = through(
            self.live,
            self.server,
            lambda to: operations.apply(self.tree, to, plan_options=plan_options, options=options),
        )
        assert done is not None
        return done

    def export(self, tree: Path | None = None, *, mirror: bool = False) -> Export:
        return through(self.live, self.server, lambda to: operations.export(tree or self.tree, to, mirror=mirror))


@pytest.fixture
def team(live: Account, tmp_path: Path) -> Team:
    """Apply two rules and a dashboard; afterwards the first rule is unreadable."""
    tree = write_tree(tmp_path / "tree", FILES)
    apply(live, tree)
    return Team(live, tree, BrokenServer({"rules/web": Reply(200, BROKEN["infinity"])}))


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BROKEN.items()])
def test_an_export_skips_an_unreadable_resource_and_names_it_in_an_error(
    team: Team, tmp_path: Path, body: bytes
) -> None:
    team.server.replies = {"rules/web": Reply(200, body)}
    made = team.export(tmp_path / "copy")
    assert sorted(tree_files(tmp_path / "copy")) == ["dashboards/web.yaml", "rules/db.yaml"]
    (problem,) = made.problems
    assert problem.severity == "error"
    assert problem.message.startswith("rule/web: what the server sent is not ")
    before = tree_files(team.tree)
    assert not team.export(mirror=True)
    assert tree_files(team.tree) == before


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BROKEN.items()])
def test_a_managed_resource_that_cannot_be_read_is_held_and_the_others_are_applied(team: Team, body: bytes) -> None:
    team.server.replies = {"rules/web": Reply(200, body)}
    write_tree(team.tree, {"rules/db.yaml": "title: Database\ncriteria: []\n"})
    made = team.plan()
    assert changes(made) == ["update rule/db repo", "update rule/web conflict held"]
    held = made.changes[1].held
    assert held.startswith("the live resource cannot be read (what the server sent is not ")
    assert held.endswith("): `--on-conflict repo` overwrites it")
    done = team.apply()
    assert changes(done) == ["update rule/db repo applied", "update rule/web conflict held failed"]
    assert "rule/web" in managed(team.live, team.tree)
    assert changes(team.plan(ConflictPolicy(on_conflict="live"))) == ["update rule/web conflict held"]


@pytest.mark.parametrize("broken", ["infinity", "another encoding"])
def test_on_conflict_repo_overwrites_an_unreadable_resource_and_a_rollback_restores_each_byte(
    team: Team, broken: str
) -> None:
    team.server.replies = {"rules/web": Reply(200, BROKEN[broken])}
    options = ApplyOptions(journals=journals(team.tree))
    plan_options = PlanOptions(decisions=ConflictPolicy(on_conflict="repo"))
    bodies: list[bytes] = []

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "PUT rules/web":
            bodies.append(seen.body)
            if len(bodies) > 1:  # the test server would refuse this content, but another server has stored it
                team.server.replies["rules/web"] = Reply(200, seen.body)
                return Reply(204)
        return team.server(seen, onward)

    async def work(to: Settings) -> list[list[str]]:
        first = await operations.apply(team.tree, to, plan_options=plan_options, options=options)
        after = await operations.plan(team.tree, to)
        back = await operations.rollback(team.tree, to, options=options)
        return [changes(first), changes(after), changes(back)]

    assert through(team.live, answer, work) == [
        ["update rule/web conflict applied"],
        [],
        ["update rule/web repo applied"],
    ]
    assert bodies == [b"title: Web\ncriteria: []\n", BROKEN[broken]]


def test_a_change_of_an_unreadable_resource_makes_the_plan_stale(team: Team) -> None:
    replies = iter([b"[", b"[", b"[["])

    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(200, next(replies, b"[[")) if below(seen) == "GET rules/web" else onward()

    plan_options = PlanOptions(decisions=ConflictPolicy(on_conflict="repo"))
    options, reporter = ApplyOptions(journals=journals(team.tree)), Recorder(on_approve=lambda _: True)
    work = partial(operations.apply, team.tree, plan_options=plan_options, options=options, reporter=reporter)
    done = through(team.live, answer, work)
    assert done is not None
    assert done.changes[0].error == "it was changed on the server since the plan was made: plan again"


def test_only_a_resource_that_is_unreadable_after_its_write_counts_as_failed(team: Team) -> None:
    write_tree(team.tree, {file: str(text).replace("title: ", "title: New ") for file, text in FILES.items()})

    def answer(seen: Seen, onward: Onward) -> Reply:
        if below(seen) == "PUT rules/web":
            team.server.replies = {"rules/web": Reply(200, BROKEN["not a number"])}
            return onward()
        return team.server(seen, onward)

    team.server.replies = {}
    done = through(
        team.live,
        answer,
        lambda to: operations.apply(team.tree, to, options=ApplyOptions(journals=journals(team.tree))),
    )
    assert changes(done) == [
        "update dashboard/web repo applied",
        "update rule/db repo applied",
        "update rule/web repo failed",
    ]
    assert done is not None
    assert done.changes[2].error.startswith("it was sent, but what the server then has cannot be read: ")


@pytest.mark.parametrize("prune", ["managed", "all"])
def test_an_unreadable_resource_is_deleted_only_with_on_conflict_repo(team: Team, prune: str) -> None:
    (team.tree / "rules/web.yaml").unlink()
    assert changes(team.plan(prune=prune)) == ["delete rule/web conflict held"]
    assert changes(team.apply()) == ["delete rule/web conflict held failed"]
    assert "rule/web" in managed(team.live, team.tree)
    assert changes(team.apply(ConflictPolicy(on_conflict="repo"))) == ["delete rule/web conflict applied"]
    assert team.server.writes == ["DELETE rules/web"]


def test_drift_lists_an_unreadable_resource_and_accept_does_not_change_its_file(team: Team) -> None:
    found = through(team.live, team.server, lambda to: operations.drift(team.tree, to))
    assert [str(one.address) for one in found.changes] == ["rule/web"]
    assert [one.message for one in found.warnings] == [
        f"rule/web cannot be read, so what was changed in it is not known: {INFINITE}"
    ]
    made = through(team.live, team.server, lambda to: operations.accept(team.tree, to, EVERYTHING))
    assert (made.files, [one.severity for one in made.problems]) == ((), ["error"])
    (team.tree / "rules/web.yaml").unlink()
    found = through(team.live, team.server, lambda to: operations.drift(team.tree, to))
    assert [str(one.address) for one in found.changes] == ["rule/web"]


def test_an_unmanaged_unreadable_resource_is_neither_adopted_nor_deleted(team: Team) -> None:
    asyncio.run(operations.release(team.tree, team.live.settings, Targets(("rule/web",))))
    taken = through(team.live, team.server, lambda to: operations.adopt(team.tree, to, Targets(("rule/web",))))
    assert [reason for _, reason in taken.left] == [INFINITE]
    assert changes(team.plan(ConflictPolicy(adopt=True))) == ["update rule/web conflict held"]
    (team.tree / "rules/web.yaml").unlink()
    assert not team.plan()


@pytest.mark.parametrize("status", [403, 500])
def test_a_failed_request_is_still_an_error_of_the_whole_export_or_plan(
    team: Team, tmp_path: Path, status: int
) -> None:
    team.server.replies = {"rules/web": Reply(status)}
    with pytest.raises(ApiError):
        team.export(tmp_path / "copy")
    with pytest.raises(ApiError):
        team.plan()
    assert not (tmp_path / "copy").exists()


def test_an_unreadable_plugin_is_held_and_even_on_conflict_repo_does_not_overwrite_it(
    live: Account, tmp_path: Path
) -> None:
    files = {"plugins/a.sh": "exit 0\n", "plugins/b.sh": "exit 0\n"}
    tree = write_tree(tmp_path / "tree", files)
    apply(live, tree)
    write_tree(tree, {"plugins/b.sh": "exit 1\n"})
    bad = json_reply({"name": "a", "extension": "sh", "content": "%%%"})
    team = Team(live, tree, BrokenServer({"plugins/a": bad}))
    assert changes(team.plan()) == ["update plugin/a conflict held", "update plugin/b repo"]
    assert [one.message.partition(": ")[0] for one in team.export(tmp_path / "copy").problems] == ["plugin/a"]
    done = team.apply(ConflictPolicy(on_conflict="repo"))
    assert changes(done) == ["update plugin/a conflict failed", "update plugin/b repo applied"]
    assert "run `dlsync plugins delete a`, then apply again" in done.changes[0].error


LIST = {
    "an item that is no object": lambda items: [*items, 5],
    "an item without a name": lambda items: [*items, {"title": "x"}],
    "a name that is no text": lambda items: [{**items[0], "name": 5}, *items[1:]],
}


@pytest.mark.parametrize("family", ["rules", "dashboards", "plugins"])
@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in LIST.items()])
def test_an_unreadable_list_item_is_one_problem_and_does_not_affect_other_resources(
    live: Account, tmp_path: Path, family: str, change: object
) -> None:
    tree = write_tree(tmp_path / "tree", {**FILES, "plugins/a.sh": "exit 0\n"})
    apply(live, tree)

    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = onward()
        if below(seen) != f"GET {family}":
            return reply
        return json_reply(change(json.loads(reply.body)))  # type: ignore[operator] # see LIST

    made = through(live, answer, lambda to: operations.export(tmp_path / "copy", to))
    assert [one.severity for one in made.problems if one.severity == "error"] == ["error"]
    assert len(tree_files(tmp_path / "copy")) == 5  # an export requests managed resources by name
    planned = through(live, answer, lambda to: operations.plan(tree, replace(to, prune="all")))
    assert not planned
    assert any(f"/{family}: " in one.message for one in planned.warnings)


@pytest.mark.parametrize("item", ['{"name": "nan", "x": NaN}', f'{{"name": "deep", "x": {"[" * 150}{"]" * 150}}}'])
def test_an_unreadable_list_item_with_a_readable_name_is_requested_by_name(
    live: Account, tmp_path: Path, item: str
) -> None:
    name = json.loads(item)["name"]
    live.has(resource(f"dashboard/{name}", "title: Web\npositions: []\n"))

    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(200, f"[{item}]".encode()) if below(seen) == "GET dashboards" else onward()

    made = through(live, answer, lambda to: operations.export(tmp_path / "copy", to))
    assert (made.problems, sorted(tree_files(tmp_path / "copy"))) == ((), [f"dashboards/{name}.yaml"])


@pytest.mark.parametrize(
    "item",
    [
        f'{{"name": "x", "n": {"1" * 5000}}}',
        '{"title": NaN}',
        "NaN",
        '{"name": "\\ud800", "x": NaN}',
        '{"a": "\\ud800"}',
    ],
)
def test_a_problem_names_a_list_item_without_a_readable_name_by_its_position(
    live: Account, tmp_path: Path, item: str
) -> None:
    def answer(seen: Seen, onward: Onward) -> Reply:
        return Reply(200, f"[{item}]".encode()) if below(seen) == "GET dashboards" else onward()

    made = through(live, answer, lambda to: operations.export(tmp_path / "copy", to))
    assert ["item 1" in one.message for one in made.problems] == [True]
