"""Links: one resource holds all tags of a plugin, from links.yaml, packs or an old backup."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from dlsync.diff.compare import compare
from dlsync.diff.three_way import merge_sides
from dlsync.errors import DlsyncError, ManualActionRequired, ServerFault
from dlsync.files.interpolation import Values
from dlsync.files.redaction import Redaction
from dlsync.resources import ExportContext, LoadContext, SourceFile, kind_of
from dlsync.resources.link import KIND as LINK
from dlsync.state.sealed_values import Seal, Source, unsealed
from tests.builders.accounts import LINKED
from tests.builders.http import Reply, by_request, json_reply, scripted
from tests.builders.referring import known
from tests.builders.trees import account, address, resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.client import Client
    from dlsync.model import Json, Resource
    from tests.builders.trees import Account

LINKS = "# who runs what\ndisk: [all, web]  # everywhere\nload:\n  - db\n"


def read(files: Mapping[str, str], **variables: Json) -> tuple[dict[str, Resource], list[tuple[str, int | None, str]]]:
    """Return the links and the problems of files; the environment holds a secret."""
    scene = LoadContext(Values(variables, {"SECRET": "s3cret-tag"}))
    sources = [SourceFile(file, content.encode()) for file, content in files.items()]
    resources, problems = LINK.read([one for one in sources if LINK.claims(one.file)], scene)
    return {one.name: one for one in resources}, [(one.file, one.line, one.message) for one in problems]


def link(plugin: str, *tags: str) -> Resource:
    return resource(f"link/{plugin}", {"tags": [*tags]})


def tags(one: Resource | None) -> Json:
    return one.document["tags"] if one else None


def draft(files: Mapping[str, str | None], secrets: Mapping[str, str] | None = None) -> ExportContext:
    written = {file: None if content is None else content.encode() for file, content in files.items()}
    return ExportContext(written, Redaction(secrets or {}))


def edited(files: dict[str, str], plugin: str, *live: str, **variables: Json) -> dict[str, str | None]:
    """Return the files that an export writes when the plugin has these tags live."""
    secrets = {"s3cret-tag": "${env:SECRET}"}
    found = LINK.edited_files(read(files, **variables)[0][plugin], link(plugin, *live), draft(files, secrets))
    return {file: None if content is None else content.decode() for file, content in found.items()}


# files


def test_links_yaml_names_the_tags_of_each_plugin() -> None:
    found, problems = read({"links.yaml": LINKS})
    assert {name: tags(one) for name, one in found.items()} == {"disk": ["all", "web"], "load": ["db"]}
    assert (LINK.files(found["disk"]), LINK.line(found["disk"])) == (("links.yaml",), 2)
    assert LINK.needs(found["disk"]) == (address("plugin/disk"),)
    assert problems == []


def test_a_pack_also_links_its_plugins_to_its_own_tag() -> None:
    files = {
        "links.yaml": "disk: [all]\n",
        "packs/db/plugins/a/disk.py": "1",
        "packs/db/plugins/disk.meta.yaml": "a: 1",
    }
    found, problems = read({**files, "packs/db/plugins/up.sh": "1", "packs/db/dashboards/x.yaml": "", "packs/db/x": ""})
    assert {name: tags(one) for name, one in found.items()} == {"disk": ["all", "db"], "up": ["db"]}
    assert [LINK.files(one) for one in found.values()] == [("links.yaml",), ()]
    assert [(one.file, LINK.line(one)) for one in found.values()] == [("links.yaml", 1), ("packs/db/plugins/up.sh", 1)]
    assert problems == []


def test_an_old_backup_has_a_file_for_each_link() -> None:
    saved = {f"links/{n}.json": json.dumps({"id": n, "plugin": "disk", "tags": [tag]}) for n, tag in enumerate("ab")}
    found, problems = read({**saved, "links/9.json": '{"plugin": "disk", "tags": []}', "links/README.md": "x"})
    assert tags(found["disk"]) == ["a", "b"]
    assert LINK.files(found["disk"]) == ("links/0.json", "links/1.json")
    assert LINK.places == ("links.yaml", "packs", "links")
    assert problems == []


PAIRS = (("a", "b"), ("c", "d"), ("a", "e"))


def test_an_old_backup_may_have_the_list_of_all_links_in_each_file() -> None:
    every = [{"id": n, "plugin": plugin, "tags": [tag]} for n, (plugin, tag) in enumerate(PAIRS)]
    files = {f"links/{n}.json": json.dumps(every) for n in range(3)}
    found, problems = read(files)
    assert {name: tags(one) for name, one in found.items()} == {"a": ["b", "e"], "c": ["d"]}
    assert problems == []
    with pytest.raises(DlsyncError, match=r"links/0\.json holds a list of links, which is not edited"):
        edited(files, "a", "b")
    _, problems = read({"links/0.json": json.dumps([*every, {"plugin": 1}])})
    assert [str(problem[0]) for problem in problems] == ["links/0.json"]


def test_a_reference_stands_for_one_tag_or_for_a_list_of_tags() -> None:
    files = {"links.yaml": "disk: ${var:tags}\nload: ['${var:one}', '${env:SECRET}']\n"}
    found, problems = read(files, tags=["a", "b"], one="c")
    assert [tags(one) for one in found.values()] == [["a", "b"], ["c", "s3cret-tag"]]
    assert [one.secrets for one in found.values()] == [{}, {"s3cret-tag": "${env:SECRET}"}]
    assert problems == []
    assert read({"links.yaml": "disk:\n  - ${var:nope}\n"})[1][0][:2] == ("links.yaml", 2)


def test_a_tag_that_only_contains_a_secret_value_is_no_secret() -> None:
    found, _ = read({"links.yaml": "disk: ['${env:SECRET}']\nload: [not-s3cret-tag]\n"})
    assert [one.secrets for one in found.values()] == [{"s3cret-tag": "${env:SECRET}"}, {}]


@pytest.mark.parametrize(
    ("file", "content", "line", "says"),
    [
        ("links.yaml", "disk: [", 1, "unclosed"),
        ("links.yaml", "disk: [a]\ndisk: [b]\n", 2, "remove one of the two"),
        ("links.yaml", "none", 1, "expected a mapping of plugins to their tags"),
        ("links.yaml", "- disk\n", 1, "expected a mapping of plugins to their tags"),
        ("links.yaml", "load: [a]\ndisk: all\n", 2, "expected a list"),
        ("links.yaml", "disk: [1]\n", 1, "quotes"),
        ("links.yaml", "disk: []\n", 1, "`disk` has no tags, so it is no link"),
        ("links.yaml", "dlsync-lock: [a]\n", None, "one of dlsync's own plugins"),
        ("links/1.json", '{"plugin": ', 1, "unclosed"),
        ("links/1.json", "[]", 1, "expected a link"),
        ("links/1.json", '{"plugin": "disk", "tags": "all"}', 1, "expected a link"),
        ("links/1.json", '{"plugin": "", "tags": []}', 1, "expected a link"),
    ],
)
def test_an_invalid_link_is_a_problem_with_its_place(file: str, content: str, line: int | None, says: str) -> None:
    found, problems = read({file: content})
    assert found == {}
    assert [(one[0], one[1]) for one in problems] == [(file, line)]
    assert says in problems[0][2]


def test_a_pack_plugin_with_an_undecodable_file_name_gives_no_link() -> None:
    assert read({"packs/db/plugins/%FF.py": "1"}) == ({}, [])


# compared


def test_tags_are_a_set_and_a_difference_has_the_line_of_its_tag() -> None:
    desired = read({"links.yaml": LINKS})[0]
    assert compare(LINK, desired["disk"], link("disk", "web", "all")).diff == ()
    file, diff = LINK.located(desired["load"], compare(LINK, desired["load"], link("load", "cache")).diff)
    assert (file, [(one.op, one.path, one.line) for one in diff]) == (
        "links.yaml",
        [("add", ("tags", 0), 4), ("remove", ("tags", 0), 3)],
    )
    packed = read({"packs/db/plugins/up.sh": "1"})[0]["up"]
    assert LINK.located(packed, compare(LINK, packed, link("up", "x")).diff)[1][0].line is None
    assert not LINK.is_server_managed((), "tags")


def test_a_live_link_with_an_invalid_tag_has_schema_findings() -> None:
    assert LINK.schema_findings(link("disk", "all")) == []
    assert LINK.schema_findings(resource("link/disk", {"tags": [1]}))


# exported


def test_a_new_link_is_added_to_links_yaml_or_creates_the_file() -> None:
    assert LINK.new_files(link("up", "a", "b"), "", draft({"links.yaml": LINKS})) == {
        "links.yaml": f"{LINKS}up:\n  - a\n  - b\n".encode()
    }
    assert LINK.new_files(link("up", "a"), "", draft({})) == {"links.yaml": b"up:\n  - a\n"}
    assert LINK.new_files(link("up", "${var:x}", "s3cret-tag"), "", draft({}, {"s3cret-tag": "${env:SECRET}"})) == {
        "links.yaml": b"up:\n  - $${var:x}\n  - ${env:SECRET}\n"
    }


def test_new_links_are_appended_without_a_rewrite_of_links_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlsync.files.yaml.rewrite", None)
    files: dict[str, bytes | None] = {"links.yaml": b"disk: [all] # every host\n"}
    for plugin in ("load", "queue"):
        files |= LINK.new_files(link(plugin, "web"), "", ExportContext(files))
    assert files == {"links.yaml": b"disk: [all] # every host\nload:\n  - web\nqueue:\n  - web\n"}


def test_a_new_link_is_added_to_a_links_yaml_in_flow_style() -> None:
    assert LINK.new_files(link("load", "db"), "load", draft({"links.yaml": "{disk: [all]}\n"})) == {
        "links.yaml": b"{disk: [all], load: [db]}\n"
    }


def test_changed_tags_are_edited_in_place() -> None:
    assert edited({"links.yaml": LINKS}, "disk", "all", "db") == {"links.yaml": LINKS.replace("web", "db")}
    assert edited({"links.yaml": LINKS}, "disk", "web", "all") == {}


def test_references_stay_where_their_tags_stay() -> None:
    files = {"links.yaml": "disk: ${var:tags}\nload: ['${var:one}', b]\n"}
    assert edited(files, "load", "c", "s3cret-tag", one="c", tags=["a"]) == {
        "links.yaml": "disk: ${var:tags}\nload: ['${var:one}', '${env:SECRET}']\n"
    }
    assert edited(files, "disk", "a", "c", one="c", tags=["a", "b"]) == {
        "links.yaml": "disk:\n  - a\n  - c\nload: ['${var:one}', b]\n"
    }


def test_an_export_adds_tags_to_a_pack_plugin_and_refuses_to_remove_the_tag_of_the_pack() -> None:
    files = {"packs/db/plugins/up.sh": "1"}
    assert edited(files, "up", "db", "web") == {"links.yaml": "up:\n  - web\n"}
    with pytest.raises(DlsyncError, match=r"it is not linked to the tag `db` on the server, but its pack links it"):
        edited(files, "up", "web")


def test_an_export_removes_surplus_tags_from_the_files_of_an_old_backup() -> None:
    files = {
        "links/1.json": '{"id": "1", "plugin": "disk", "tags": ["a", "b"]}',
        "links/2.json": '{"plugin": "disk", "tags": ["c"]}',
    }
    assert edited(files, "disk", "b", "d") == {
        "links/1.json": '{\n  "id": "1",\n  "plugin": "disk",\n  "tags": [\n    "b"\n  ]\n}\n',
        "links/2.json": None,
        "links.yaml": "disk:\n  - d\n",
    }


def test_a_deleted_link_is_removed_from_links_yaml_and_the_last_deletion_removes_the_file() -> None:
    found = read({"links.yaml": LINKS})[0]
    once = LINK.removed_files(found["disk"], draft({"links.yaml": LINKS}))
    assert once == {"links.yaml": b"# who runs what\nload:\n  - db\n"}
    assert LINK.removed_files(found["load"], ExportContext(once)) == {"links.yaml": None}


def test_a_pack_link_is_removed_only_with_the_plugin_of_the_pack() -> None:
    packed = read({"packs/db/plugins/up.sh": "1"})[0]["up"]
    assert LINK.removed_files(packed, draft({"packs/db/plugins/up.sh": None})) == {}
    with pytest.raises(DlsyncError, match="but its pack links it"):
        LINK.removed_files(packed, draft({"packs/db/plugins/up.sh": "1"}))


# live


def put(live: Account, *links: tuple[str, list[str]]) -> None:
    live.has(resource("plugin/disk", "1"), resource("plugin/up", "1"))
    for plugin, named in links:
        live.run(lambda client, plugin=plugin, named=named: client.links.create(plugin, named))  # type: ignore[misc] # the defaults bind the loop's values
    live.asked.clear()


def update(live: Account, *wanted: str) -> list[str]:
    """Update the links of the plugin ``disk``; return the write requests."""
    live.run(lambda client: LINK.update(client, link("disk", *wanted), ()))
    return [
        one.method + " " + json.loads(one.body or b'{"tags": [""]}')["tags"][0]
        for one in live.asked
        if one.method != "GET"
    ]


def test_several_live_links_of_a_plugin_are_merged_and_a_link_without_tags_is_ignored() -> None:
    with account() as live:
        put(live, ("disk", ["b", "a"]), ("disk", ["c", "a"]), ("up", []))
        assert tags(live.live("link/disk")) == ["a", "b", "c"]
        assert live.live("link/up") is None
        listing = live.run(LINK.list)
    assert (listing.names, listing.complete) == (frozenset({"disk"}), True)


def test_a_link_is_created_and_deleted_and_a_second_deletion_is_no_error() -> None:
    with account() as live:
        put(live)
        live.run(lambda client: LINK.create(client, link("disk", "a", "b")))
        assert tags(live.live("link/disk")) == ["a", "b"]
        live.lacks("link/disk", "link/disk")
        assert live.live("link/disk") is None


def test_an_update_adds_missing_tags_with_an_additional_link() -> None:
    with account() as live:
        put(live, ("disk", ["a"]), ("up", ["x"]))
        assert update(live, "a", "b") == ["POST b"]
        assert tags(live.live("link/disk")) == ["a", "b"]
        assert tags(live.live("link/up")) == ["x"]


def test_an_update_adds_wanted_tags_again_before_it_deletes_links_with_surplus_tags() -> None:
    with account() as live:
        put(live, ("disk", ["a"]), ("disk", ["b", "x"]), ("disk", ["y"]))
        assert update(live, "a", "b") == ["POST b", "DELETE ", "DELETE "]
        assert tags(live.live("link/disk")) == ["a", "b"]
        live.asked.clear()
        assert update(live, "a", "b") == []


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_the_next_update_completes_an_interrupted_update(cut: int) -> None:
    async def interrupted(client: Client) -> None:
        create, delete, left = client.links.create, client.links.delete, [cut]

        async def counted(work: object, *given: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise ServerFault("cut")
            await work(*given)  # type: ignore[operator] # create or delete

        client.links.create = lambda *given: counted(create, *given)  # type: ignore[method-assign] # counts the calls
        client.links.delete = lambda *given: counted(delete, *given)  # type: ignore[method-assign] # likewise
        with pytest.raises(ServerFault):
            await LINK.update(client, link("disk", "a", "b"), ())

    with account() as live:
        put(live, ("disk", ["a", "x"]), ("disk", ["b", "y"]))
        live.run(interrupted)
        update(live, "a", "b")
        assert tags(live.live("link/disk")) == ["a", "b"]


def test_a_server_that_cannot_create_links_gives_an_error_with_the_manual_action() -> None:
    with account(documented_only=True) as live:
        live.has(resource("plugin/disk", "1"))
        with pytest.raises(ManualActionRequired) as caught:
            live.run(lambda client: LINK.create(client, link("disk", "all", "web")))
    assert caught.value.message == "this server cannot create links: link plugin `disk` to the tags all, web by hand"


def test_a_server_that_cannot_delete_links_gives_an_error_with_the_manual_action() -> None:
    listed = json_reply([{"id": "1", "plugin": "disk", "tags": ["x"]}, {"id": "2", "plugin": "disk", "tags": ["all"]}])
    answers: dict[str, Reply] = {"GET links": listed, "GET plugins/disk": json_reply({})}

    async def work() -> list[str]:
        async with scripted(by_request(answers, Reply(405))) as (_, client):
            with pytest.raises(ManualActionRequired) as one:
                await LINK.update(client, link("disk", "all"), ())
            with pytest.raises(ManualActionRequired) as all_:
                await LINK.delete(client, "disk")
        return [one.value.message, all_.value.message]

    assert asyncio.run(work()) == [
        "this server cannot delete links: unlink plugin `disk` from the tag x by hand",
        "this server cannot delete links: unlink plugin `disk` from the tags all, x by hand",
    ]


def test_links_come_after_plugins_and_before_dashboards() -> None:
    orders = [kind_of(name).order for name in ("plugin", "link", "dashboard")]
    assert orders == sorted(orders)


# blends and the journal


def test_a_blend_contains_the_tags_that_each_side_wins() -> None:
    desired, live = read({"links.yaml": "disk: [all, new]\n"})[0]["disk"], link("disk", "all", "by hand")
    kept = tuple(one for one in compare(LINK, desired, live).diff if one.op == "remove")
    assert tags(LINK.merge_live(desired, live, merge_sides(LINK, desired, live, kept))) == ["all", "by hand", "new"]


def test_the_fingerprint_of_a_link_covers_its_tags_in_any_order() -> None:
    assert LINK.fingerprint_source(link("disk", "a", "b")) == LINK.fingerprint_source(link("load", "b", "a"))
    assert LINK.fingerprint_source(link("disk", "a")) != LINK.fingerprint_source(link("disk", "a", "b"))


@given(LINKED)
def test_the_journal_restores_a_link_and_hides_its_secrets(some: Json) -> None:
    saved = LINK.to_journal(resource("link/disk", {"tags": some}), Seal(known("web", "${env:TAG}")))
    assert "web" not in json.dumps(saved)
    plain = unsealed(saved, Source({"TAG": "web"}, ["TAG"]), {})
    assert isinstance(plain, dict)
    restored = LINK.from_journal("disk", plain)
    assert (restored.address, tags(restored)) == (address("link/disk"), some)


def test_a_link_from_a_journal_belongs_to_no_file() -> None:
    restored = LINK.from_journal("disk", {"tags": ["a"]})
    diff = compare(LINK, restored, link("disk", "b")).diff
    assert LINK.located(restored, diff) == ("", diff)
    assert (LINK.line(restored), LINK.files(restored)) == (1, ())


@pytest.mark.parametrize("saved", [{}, {"tags": "a"}, {"tags": [1]}, {"tags": ["a"], "links": [1]}])
def test_a_journal_entry_without_tags_is_refused(saved: dict[str, Json]) -> None:
    with pytest.raises(DlsyncError, match="the journal holds no tags of link/disk"):
        LINK.from_journal("disk", saved)


def test_the_links_of_several_plugins_are_fetched_with_one_request() -> None:
    with account() as live:
        live.has(*(resource(f"plugin/{name}", "x") for name in ("disk", "load")), link("disk", "a"), link("load", "b"))
        found = live.run(lambda client: LINK.originals(client, iter(["disk", "none"])))
        assert {name: tags(one) for name, one in found.items()} == {"disk": ["a"]}
        assert live.requests() == ["GET links"]


def test_links_of_dlsync_s_own_plugins_are_refused_in_files_and_ignored_on_the_server() -> None:
    read_, problems = read({"links.yaml": "dlsync-lock: [a]\n"})
    assert read_ == {}
    assert [(file, "never linked" in says) for file, _, says in problems] == [("links.yaml", True)]
    with account() as live:
        live.has(resource("plugin/dlsync-inventory", "x"), link("dlsync-inventory", "a"))
        assert live.run(LINK.list).names == frozenset()
