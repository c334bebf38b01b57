"""Whole runs against a server with the observed responses of the hosted service."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import yaml

from dlsync import operations
from dlsync.files.yaml import parse
from dlsync.resources.selector import Targets
from tests.builders.applies import apply, changes
from tests.builders.between import below, put_by_hand, through
from tests.builders.observed import ObservedServer
from tests.builders.trees import account, resource, tree_files, write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from dlsync.files.settings import Settings
    from dlsync.model import Json
    from tests.builders.between import Onward
    from tests.builders.http import Reply, Seen
    from tests.builders.trees import Account

HOOK = "https://example.org/hook"
FILES: dict[str, str] = {
    "dashboards/web.yaml": "title: Web\npositions:\n  - {row: 1, col: 1, size_x: 1, size_y: 1, metrics: [base.cpu]}\n",
    "dashboards/db.yaml": "title: Database\npositions: []\n",
    "rules/web.yaml": f"""title: Web 🚀
criteria:
  - {{metric: base.cpu, scope: {{tag: [web, db]}}, condition: {{threshold: 90, timeout: 60, operator: le}}}}
  - {{metric: base.memory, scope: {{agent: 0c78, tag: web}}, condition: {{threshold: 90}}}}
  - {{metric: agent.status, condition: {{threshold: false}}}}
actions:
  - {{type: WEBHOOK, details: {{url: "{HOOK}"}}}}
""",
    "plugins/metrics.sh": "exit 0\n",
    "plugins/metrics.meta.yaml": "format: PROMETHEUS\n",
    "links.yaml": "metrics: [web]\n",
}


async def _applied(tree: Path, settings: Settings) -> list[str]:
    return changes(await operations.apply(tree, settings))


def test_after_an_apply_the_plan_is_empty_and_an_export_writes_every_file(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", FILES)

    async def work(settings: Settings) -> None:
        assert [one.split()[-1] for one in await _applied(tree, settings)] == ["applied"] * 5
        assert not await operations.plan(tree, settings)
        assert not await operations.drift(tree, settings)
        exported = await operations.export(tmp_path / "exported", settings)
        assert [one.message for one in exported.problems] == []
        assert set(tree_files(tmp_path / "exported")) == set(FILES)
        assert not await operations.plan(tmp_path / "exported", settings)

    through(live, ObservedServer(), work)
    found = {file: parse(content) for file, content in tree_files(tmp_path / "exported").items() if "meta" in file}
    assert found == {"plugins/metrics.meta.yaml": {"type": "SCRIPT", "format": "PROMETHEUS"}}


REWRITTEN = """\
# the fleet
title: Web
period: null  # the server's own
positions:
  # the busiest last
  - {title: web, row: 1, col: 1, size_x: 1, size_y: 1, series: [{metric: web.load}]}
  - {title: cpu, row: 2, col: 1, size_x: 1, size_y: 1, filter: null, series: [{metric: cpu.load}]}
"""


def rewriting(seen: Seen, onward: Onward) -> Reply:
    """Answer as a server that rewrites dashboards: it sorts keys and widgets, and drops and adds nulls."""
    reply = onward()
    if not below(seen).startswith("GET dashboards/") or reply.status != HTTPStatus.OK:
        return reply
    document: Any = parse(reply.body)
    widgets = [
        {"type": None, **{key: it for key, it in one.items() if it is not None}} for one in document["positions"]
    ]
    document["positions"] = sorted(widgets, key=itemgetter("title"))
    return replace(reply, body=yaml.safe_dump(document | {"period": None}, sort_keys=True).encode())


def test_a_server_that_sorts_lists_and_keys_and_adds_and_drops_nulls_causes_no_difference(
    live: Account, tmp_path: Path
) -> None:
    file = "dashboards/web.yaml"
    tree = write_tree(tmp_path, {file: REWRITTEN})

    async def work(settings: Settings) -> None:
        assert await _applied(tree, settings) == ["create dashboard/web new applied"]
        assert not await operations.plan(tree, settings)
        assert not await operations.drift(tree, settings)
        await operations.export(tree, settings)
        assert tree_files(tree)[file].decode() == REWRITTEN
        doubled = REWRITTEN + REWRITTEN.splitlines(keepends=True)[-1]
        write_tree(tree, {file: doubled})
        assert await _applied(tree, settings) == ["update dashboard/web repo applied"]
        put_by_hand(live, file.removesuffix(".yaml"), doubled.replace("cpu.load", "cpu.used"))
        await operations.export(tree, settings)
        assert tree_files(tree)[file].decode() == doubled.replace("cpu.load", "cpu.used")

    through(live, rewriting, work)


def test_a_rollback_sends_the_document_of_the_first_apply_without_the_server_s_fields(
    live: Account, tmp_path: Path
) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/web.yaml": FILES["rules/web.yaml"]})
    puts: list[Json] = []
    server = ObservedServer()

    def answer(seen: Seen, onward: Onward) -> Reply:
        puts.extend([parse(seen.body)] if seen.method == "PUT" else [])
        return server(seen, onward)

    async def work(settings: Settings) -> None:
        await _applied(tree, settings)
        write_tree(tree, {"rules/web.yaml": "title: Changed\ncriteria: []\n"})
        assert await _applied(tree, settings) == ["update rule/web repo applied"]
        options = operations.ApplyOptions()
        assert changes(await operations.rollback(tree, settings, options=options)) == ["update rule/web repo applied"]

    through(live, answer, work)
    assert puts[2] == puts[0]


def test_a_removed_plugin_setting_gets_its_documented_default_or_a_warning(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"plugins/metrics.sh": "exit 0\n"})
    server = ObservedServer()

    async def work(settings: Settings) -> None:
        await _applied(tree, settings)
        write_tree(tree, {"plugins/metrics.meta.yaml": "interval: 90\nformat: PROMETHEUS\ntype: INPROCESS\n"})
        assert await _applied(tree, settings) == ["update plugin/metrics repo applied"]
        (tree / "plugins/metrics.meta.yaml").unlink()
        plan = await operations.plan(tree, settings)
        assert {(one.op, one.path, one.before) for one in plan.changes[0].diff} == {
            ("remove", ("interval",), 90),
            ("remove", ("format",), "PROMETHEUS"),
        }
        assert [one.message for one in plan.warnings] == [
            (
                "plugin/metrics keeps `type`, which was removed from its file: "
                "no default is known, so write the value into the file"
            )
        ]
        assert await _applied(tree, settings) == ["update plugin/metrics repo applied"]
        assert server.formats == {"metrics": "NAGIOS"}
        assert (await operations.plan(tree, settings)).warnings == ()
        assert not await operations.drift(tree, settings)

    through(live, server, work)


def test_only_wanted_dashboards_are_requested_by_name_if_the_list_contains_summaries(
    live: Account, tmp_path: Path
) -> None:
    live.has(*(resource(f"dashboard/{name}", {"title": name, "positions": []}) for name in ("web", "db", "other")))
    tree = write_tree(tmp_path / "tree", {"dashboards/web.yaml": FILES["dashboards/web.yaml"]})
    asked: list[str] = []
    server = ObservedServer()

    def answer(seen: Seen, onward: Onward) -> Reply:
        asked.append(below(seen))
        return server(seen, onward)

    async def work(settings: Settings) -> None:
        assert changes(await operations.plan(tree, settings)) == ["update dashboard/web new held"]
        assert [one for one in asked if one.startswith("GET dashboards/")] == ["GET dashboards/web"]
        assert len((await operations.export(tmp_path / "all", settings)).files) == 3

    through(live, answer, work)


def test_a_new_dashboard_is_created_where_the_list_holds_summaries(live: Account, tmp_path: Path) -> None:
    live.has(resource("dashboard/db", {"title": "db", "positions": []}))
    tree = write_tree(tmp_path / "tree", {"dashboards/web.yaml": FILES["dashboards/web.yaml"]})
    done = through(live, ObservedServer(), lambda settings: _applied(tree, settings))
    assert done == ["create dashboard/web new applied"]


def test_a_plugin_whose_name_is_the_id_of_another_plugin_is_created(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"plugins/0a1b.sh": "exit 0\n"})
    server = ObservedServer(ids={"0a1b": "disk"})
    planned = through(live, server, lambda settings: operations.plan(tree, settings))
    assert changes(planned) == ["create plugin/0a1b new"]


# servers without lists


def test_an_export_into_an_empty_folder_contains_the_resources_of_the_inventory(tmp_path: Path) -> None:
    files = {file: text for file, text in FILES.items() if "meta" not in file and file != "links.yaml"}
    tree = write_tree(tmp_path / "tree", files)
    with account(documented_only=True) as live:
        apply(live, tree)
        exported = asyncio.run(operations.export(tmp_path / "exported", live.settings))
        assert [one.address.kind for one in exported.files].count("dashboard") == 2
        assert set(tree_files(tmp_path / "exported")) - {"plugins/metrics.meta.yaml"} == set(files)
        assert not asyncio.run(operations.plan(tmp_path / "exported", live.settings))


def test_targets_limit_an_export_of_the_resources_of_the_inventory(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {file: text for file, text in FILES.items() if file.startswith("dash")})
    with account(documented_only=True) as live:
        apply(live, tree)
        targets = Targets(("dashboard/w*",))
        asyncio.run(operations.export(tmp_path / "exported", live.settings, targets=targets))
    assert set(tree_files(tmp_path / "exported")) == {"dashboards/web.yaml"}


def test_a_mirror_keeps_the_file_of_a_resource_that_the_list_omits(live: Account, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"rules/web.yaml": FILES["rules/web.yaml"]})
    apply(live, tree)

    def answer(seen: Seen, onward: Onward) -> Reply:
        reply = onward()
        return type(reply)(200, b"[]", reply.headers) if below(seen) == "GET rules" else reply

    made = through(live, answer, lambda settings: operations.export(tree, settings, mirror=True))
    assert not made
