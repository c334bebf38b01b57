"""Plugins: a script, byte for byte, and its settings."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from dlsync.diff.compare import compare
from dlsync.diff.three_way import merge_sides
from dlsync.errors import AlreadyExists, DlsyncError
from dlsync.files.redaction import NOTHING_SECRET, Redaction
from dlsync.resources import SourceFile
from dlsync.resources.plugin import KIND as PLUGIN
from dlsync.resources.plugin import content_value
from dlsync.state.sealed_values import Seal, Source, unsealed
from tests.builders.accounts import SCRIPTS, SETTINGS
from tests.builders.http import by_request, json_reply, scripted
from tests.builders.plans import added, removed, replaced
from tests.builders.trees import account, address, resource

if TYPE_CHECKING:
    from dlsync.model import Json, Resource
    from tests.builders.trees import Account

SECRET = Redaction({"s3cret-value": "${env:A}"})


def read(**files: bytes) -> tuple[list[Resource], list[tuple[str, int | None, str]]]:
    """Read files of the folder; two underscores stand for a dot."""
    sources = [SourceFile(f"plugins/{name.replace('__', '.')}", content) for name, content in files.items()]
    resources, problems = PLUGIN.read(sources)
    return resources, [(one.file, one.line, one.message) for one in problems]


def plugin(script: bytes = b"print()\n", settings: str = "") -> Resource:
    """Return the plugin ``disk`` as its files define it."""
    files = {"disk__py": script, **({"disk__meta__yaml": settings.encode()} if settings else {})}
    ((found,), problems) = read(**files)
    assert problems == []
    return found


def script(content: bytes, extension: str = "py", /, **settings: Json) -> Resource:
    """Return the plugin ``disk`` as the server holds it."""
    return resource(
        "plugin/disk", {"content": content_value(content), "extension": extension, **settings}, body=content
    )


# files


def test_a_script_is_read_as_a_plugin_with_the_settings_file_beside_it() -> None:
    ((disk, plain), problems) = read(disk__py=b"a\r\n", plain=b"b", disk__meta__yaml=b"interval: 60\nparams: -a\n")
    assert disk.address == address("plugin/disk")
    assert disk.document == {"content": "a\r\n", "extension": "py", "interval": 60, "params": "-a"}
    assert (disk.body, PLUGIN.files(disk)) == (b"a\r\n", ("plugins/disk.py", "plugins/disk.meta.yaml"))
    assert plain.document == {"content": "b", "extension": ""}
    assert PLUGIN.files(plain) == ("plugins/plain",)
    assert problems == []


@pytest.mark.parametrize("content", [b"\x7fELF\xff", b"text with a\0"])
def test_a_binary_script_is_compared_by_its_digest(content: bytes) -> None:
    assert content_value(content) == {"sha256": hashlib.sha256(content).hexdigest()}
    assert content_value(b"\xef\xbb\xbfa\r\nb\r") == "\N{ZERO WIDTH NO-BREAK SPACE}a\r\nb\r"


@pytest.mark.parametrize("field", ["name", "extension", "content", "encoding"])
def test_the_settings_file_may_not_set_fields_of_the_script(field: str) -> None:
    ((disk,), problems) = read(disk__py=b"a", disk__meta__yaml=f"interval: 60\n{field}: x\n".encode())
    assert disk.document == {"content": "a", "extension": "py", "interval": 60}
    assert [(file, line) for file, line, _ in problems] == [("plugins/disk.meta.yaml", 2)]
    assert f"`{field}` is not a setting" in problems[0][2]


@pytest.mark.parametrize(
    ("files", "place"),
    [
        pytest.param({"%FF__py": b"a"}, ("plugins/%FF.py", None), id="undecodable escapes"),
        pytest.param({"dlsync-lock__py": b"a"}, ("plugins/dlsync-lock.py", None), id="one of dlsync's own plugins"),
        pytest.param({"a__py": b"a", "a__meta__yaml": b"x: ["}, ("plugins/a.meta.yaml", 1), id="broken settings"),
        pytest.param({"a__py": b"a", "a__meta__yaml": b"- 1"}, ("plugins/a.meta.yaml", 1), id="a list of settings"),
        pytest.param({"a__meta__yaml": b"interval: 60"}, ("plugins/a.meta.yaml", None), id="settings without a plugin"),
    ],
)
def test_a_problem_in_a_plugin_is_reported_at_its_place(files: dict[str, bytes], place: tuple[str, int | None]) -> None:
    _, problems = read(**files)
    assert [(file, line) for file, line, _ in problems] == [place]


def test_differences_only_in_settings_are_located_in_the_settings_file() -> None:
    settings = "# ours\nparams: -a\ninterval: 60\n"
    file, placed = PLUGIN.located(plugin(settings=settings), [replaced(("interval",), 30, 60), removed(("x",), 1)])
    assert (file, [one.line for one in placed]) == ("plugins/disk.meta.yaml", [3, 2])


def test_a_changed_script_is_located_at_its_first_changed_line() -> None:
    diff = [replaced(("content",), "a\nb\n", "a\nc\n"), replaced(("interval",), 30, 60)]
    for desired in (plugin(settings="interval: 60\n"), plugin()):
        file, placed = PLUGIN.located(desired, diff)
        assert (file, [one.line for one in placed]) == ("plugins/disk.py", [2, None])


def test_an_extended_script_is_located_at_its_first_new_line_and_a_binary_script_has_no_line() -> None:
    _, (longer, binary) = PLUGIN.located(
        plugin(), [replaced(("content",), "a\n", "a\nb\n"), replaced(("content",), {"sha256": "0"}, "a\n")]
    )
    assert (longer.line, binary.line) == (2, None)


def test_a_plugin_without_differences_is_located_in_its_script() -> None:
    assert PLUGIN.located(plugin(settings="interval: 60\n"), []) == ("plugins/disk.py", ())


@pytest.mark.parametrize(
    ("extension", "file"),
    [
        ("py", "plugins/disk.py"),
        ("", "plugins/disk"),
        ("tar.gz", "plugins/disk.tar%2Egz"),
        ("../../x", "plugins/disk.%2E%2E%2F%2E%2E%2Fx"),
    ],
)
def test_a_new_plugin_with_default_settings_has_only_a_script_file(extension: str, file: str) -> None:
    live = script(b"\xff", extension, description="", params=None, pack="base", hash="0" * 40)
    assert PLUGIN.new_files(live, "disk") == {file: b"\xff"}


def test_the_settings_file_of_a_new_plugin_follows_the_schema_order() -> None:
    live = script(b"a", params="--all", interval=60, type="SCRIPT", id="1", description="", pack="base")
    assert PLUGIN.new_files(live, "disk") == {
        "plugins/disk.py": b"a",
        "plugins/disk.meta.yaml": b"interval: 60\nparams: '--all'\ntype: SCRIPT\n",
    }


# existing files


def edited(desired: Resource, live: Resource) -> dict[str, bytes | None]:
    return PLUGIN.edited_files(desired, live)


def test_a_script_that_differs_is_replaced_and_its_settings_stay_untouched() -> None:
    desired = plugin(b"a", "# ours\ninterval:   60\n")
    assert edited(desired, script(b"b\r\n", interval=60)) == {"plugins/disk.py": b"b\r\n"}


def test_settings_that_differ_are_edited_with_their_comments_and_the_script_stays_untouched() -> None:
    desired = plugin(b"a", "# ours\ninterval:   60 # a minute\nparams: -a\n")
    assert edited(desired, script(b"a", interval=90, description="Disks")) == {
        "plugins/disk.meta.yaml": b"# ours\ninterval:   90 # a minute\ndescription: Disks\n"
    }


def test_an_export_creates_a_settings_file_only_for_settings_that_differ_from_the_default() -> None:
    assert edited(plugin(b"a"), script(b"a", params="all", interval=30)) == {"plugins/disk.meta.yaml": b"params: all\n"}
    assert edited(plugin(b"a"), script(b"b", params="")) == {"plugins/disk.py": b"b"}


def test_another_extension_renames_the_file() -> None:
    assert edited(plugin(b"a", "interval: 60\n"), script(b"b", "sh", interval=60)) == {
        "plugins/disk.py": None,
        "plugins/disk.sh": b"b",
    }
    assert edited(plugin(b"a"), script(b"a", "")) == {"plugins/disk.py": None, "plugins/disk": b"a"}


def test_the_settings_file_is_renamed_with_a_script_that_loses_its_extension() -> None:
    ((found,), _) = read(a__b__py=b"1", a__b__meta__yaml=b"interval: 60\n")
    assert edited(found, script(b"1", "", interval=90)) == {
        "plugins/a.b.py": None,
        "plugins/a%2Eb": b"1",
        "plugins/a.b.meta.yaml": None,
        "plugins/a%2Eb.meta.yaml": b"interval: 90\n",
    }


# canonical form


@pytest.mark.parametrize(
    ("settings", "live"),
    [
        pytest.param("description: ''\n", {}, id="a default spelled out"),
        pytest.param("params: null\ninterval: null\n", {"interval": 30}, id="null, so the server decides"),
        pytest.param("", {"format": "NAGIOS"}, id="a default that the server adds"),
        pytest.param("interval: 30\nformat: NAGIOS\n", {}, id="a default that the server leaves out"),
        pytest.param("", {"interval": 30, "type": "SCRIPT", "hash": "x", "id": 1}, id="fields of the server alone"),
        pytest.param("pack: mine\n", {"pack": "base"}, id="a field that the server owns"),
        pytest.param("timeout: 5\n", {"timeout": 5}, id="a setting that no schema knows"),
    ],
)
def test_defaults_and_server_fields_are_no_difference(settings: str, live: dict[str, Json]) -> None:
    meta = {"disk__meta__yaml": settings.encode()} if settings else {}
    ((desired,), _) = read(disk__py=b"a", **meta)
    assert compare(PLUGIN, desired, script(b"a", **live)).diff == ()


def test_a_setting_removed_from_the_files_is_a_difference_where_its_default_is_known() -> None:
    live = script(b"a", description="Disks", interval=90, format="PROMETHEUS")
    assert compare(PLUGIN, plugin(b"a"), live).diff == (
        removed(("description",), "Disks"),
        removed(("interval",), 90),
        removed(("format",), "PROMETHEUS"),
    )


def test_line_ends_and_byte_order_marks_are_differences_of_a_script() -> None:
    for one, other in [(b"a\n", b"a\r\n"), (b"a", b"\xef\xbb\xbfa"), (b"\xff", b"\xfe")]:
        (difference,) = compare(PLUGIN, plugin(one), script(other)).diff
        assert difference.path[0] == "content"
        assert compare(PLUGIN, plugin(one), script(one)).diff == ()


def test_lists_in_unknown_settings_are_ordered_and_an_update_drops_nothing() -> None:
    assert PLUGIN.list_rule(("x",)).ordered
    assert PLUGIN.dropped_by_update([("timeout",)]) == ()


# blends, fingerprints and metrics


def test_a_blend_takes_the_script_and_each_setting_from_the_side_that_wins_it() -> None:
    desired = plugin(b"ours\xff", "params: -a\ninterval: 60\n")
    live = script(b"theirs\xff", params="-b", interval=60, hash="x")
    for kept, body in (((("params",),), b"ours\xff"), ((("content", "sha256"), ("params",)), b"theirs\xff")):
        diff = tuple(one for one in compare(PLUGIN, desired, live).diff if one.path in kept)
        blend = PLUGIN.merge_live(desired, live, merge_sides(PLUGIN, desired, live, diff))
        assert (blend.body, blend.document["params"], blend.document["interval"]) == (body, "-b", 60)
        assert blend.document["content"] == content_value(body)
        assert (blend.overlay, blend.spelled) == (None, blend.document)


def test_the_fingerprint_of_a_plugin_covers_its_script_and_settings() -> None:
    prints = [
        PLUGIN.fingerprint_source(one)
        for one in (plugin(b"a"), plugin(b"b"), plugin(b"a", "params: -a\n"), script(b"a", "sh"), script(b"\xff"))
    ]
    assert len({*prints}) == len(prints)
    assert PLUGIN.fingerprint_source(plugin(b"a", "params: -a\ninterval: 60\n")) == PLUGIN.fingerprint_source(
        plugin(b"a", "interval: 60.0\nparams: '-a'\n")
    )


def test_the_metrics_of_a_plugin_begin_with_its_name() -> None:
    assert PLUGIN.metric_prefix("disk") == "disk."


# journal


def again(saved: Json) -> Resource:
    plain = unsealed(saved, Source({"A": "s3cret-value"}, "A"), {})
    assert isinstance(plain, dict)
    return PLUGIN.from_journal("disk", plain)


@given(SCRIPTS, SETTINGS)
def test_the_journal_restores_a_plugin(content: bytes, settings: dict[str, Json]) -> None:
    live = script(content, **settings)
    assert again(json.loads(json.dumps(PLUGIN.to_journal(live, Seal(NOTHING_SECRET))))) == live


def test_the_journal_hides_secrets_and_restores_them() -> None:
    live = script(b"curl s3cret-value", params="-k s3cret-value")
    saved = PLUGIN.to_journal(live, Seal(SECRET))
    assert "s3cret" not in json.dumps(saved)
    assert again(saved) == live


def test_a_binary_script_that_holds_a_secret_cannot_be_saved() -> None:
    with pytest.raises(DlsyncError, match="plugin/disk is not text and holds a secret") as error:
        PLUGIN.to_journal(script(b"\xff s3cret-value"), Seal(SECRET))
    assert "s3cret" not in error.value.message


@pytest.mark.parametrize("content", [None, 1, {}, {"base64": 1}, {"base64": "?"}, ["a"]])
def test_a_journal_entry_without_a_script_is_refused(content: Json) -> None:
    with pytest.raises(DlsyncError, match="the journal holds no script of plugin/disk"):
        PLUGIN.from_journal("disk", {"content": content, "extension": "py"})


# the server


def sent(live: Account, method: str) -> dict[str, object]:
    """Return the single body sent with this method, with its content decoded."""
    (body,) = (json.loads(one.body) for one in live.asked if one.method == method)
    assert isinstance(body, dict)
    return {**body, "content": base64.b64decode(str(body["content"]))}


@pytest.mark.parametrize("content", [b"print()\r\n", b"\x7fELF\xff\0", b"", b"no end of line"])
def test_create_sends_a_plugin_with_its_settings_and_the_server_returns_its_bytes(content: bytes) -> None:
    desired = plugin(content, "interval: 60\nparams: null\ndescription: Disks\n")
    with account() as live:
        live.run(lambda client: PLUGIN.create(client, desired))
        assert sent(live, "POST") == {
            "name": "disk",
            "extension": "py",
            "content": content,
            "interval": 60,
            "description": "Disks",
        }
        found = live.live("plugin/disk")
    assert found is not None
    assert found.body == content
    assert compare(PLUGIN, desired, found).diff == ()


def test_create_never_overwrites_a_different_plugin_of_the_same_name() -> None:
    theirs = script(b"theirs", "sh", params="-b", description="Theirs")
    with account() as live:
        live.has(theirs)
        with pytest.raises(AlreadyExists):
            live.run(lambda client: PLUGIN.create(client, plugin(b"ours", "params: -a\n")))
        found = live.live("plugin/disk")
    assert found is not None
    assert compare(PLUGIN, theirs, found).diff == ()


def test_create_sends_a_default_that_the_files_give() -> None:
    with account() as live:
        live.run(lambda client: PLUGIN.create(client, plugin(b"a", "interval: 30\nparams: null\npack: x\n")))
        (sent,) = [json.loads(one.body) for one in live.asked if one.method == "POST"]
    assert {*sent} == {"name", "extension", "content", "interval"}


def test_create_accepts_an_existing_equal_plugin_after_a_lost_response() -> None:
    desired = plugin(b"ours", "params: -a\n")
    with account() as live:
        live.has(desired)
        live.run(lambda client: PLUGIN.create(client, desired))
        assert [one.method for one in live.asked if one.method != "GET"] == ["POST"]


def test_create_fails_when_the_server_reports_a_conflict_but_returns_no_plugin() -> None:
    replies = {"POST plugins": json_reply({}, 409), "GET /api/v1/orgs/acme/accounts": json_reply([{"name": "default"}])}

    async def run() -> None:
        async with scripted(by_request(replies, json_reply({}, 404))) as (_, client):
            await PLUGIN.create(client, plugin(b"ours"))

    with pytest.raises(AlreadyExists):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "server", "expected"),
    [
        pytest.param("", {}, {}, id="the content alone"),
        pytest.param("interval: 60\nparams: -a\n", {"params": "-a"}, {"interval": 60}, id="a changed setting"),
        pytest.param(
            "", {"params": "-a", "interval": 60}, {"params": "", "interval": 30}, id="settings removed from the files"
        ),
        pytest.param("description: ''\n", {"description": "x"}, {"description": ""}, id="a default spelled out"),
    ],
)
def test_an_update_sends_the_content_and_only_the_settings_that_differ(
    settings: str, server: dict[str, Json], expected: dict[str, Json]
) -> None:
    desired = plugin(b"ours", settings)
    with account() as live:
        live.has(script(b"theirs", **server))
        before = live.live("plugin/disk")
        assert before is not None
        diff = compare(PLUGIN, desired, before).diff
        live.run(lambda client: PLUGIN.update(client, desired, diff))
        assert sent(live, "PATCH") == {"content": b"ours", "encoding": "base64", **expected}
        after = live.live("plugin/disk")
    assert after is not None
    assert compare(PLUGIN, desired, after).diff == ()


def test_an_extension_that_differs_is_sent() -> None:
    desired = plugin(b"a")
    with account() as live:
        live.has(script(b"a", "sh"))
        live.run(lambda client: PLUGIN.update(client, desired, [replaced(("extension",), "sh", "py")]))
        assert sent(live, "PATCH")["extension"] == "py"


def test_a_setting_that_no_schema_knows_is_sent() -> None:
    ((desired,), _) = read(disk__py=b"a", disk__meta__yaml=b"timeout: 5\n")
    with account() as live:
        live.has(script(b"a"))
        live.run(lambda client: PLUGIN.update(client, desired, [added(("timeout",), 5)]))
        assert sent(live, "PATCH")["timeout"] == 5


def test_fetching_a_missing_plugin_returns_none_and_deleting_it_is_no_error() -> None:
    with account() as live:
        live.has(plugin())
        live.run(lambda client: PLUGIN.delete(client, "disk"))
        assert live.live("plugin/disk") is None
        live.run(lambda client: PLUGIN.delete(client, "disk"))


def test_dlsync_s_own_plugins_are_never_listed_or_fetched() -> None:
    with account() as live:
        live.has(
            *(resource(f"plugin/{name}", "x") for name in ("dlsync-inventory", "dlsync-lock", "dlsync-lock.0a", "disk"))
        )
        assert live.run(PLUGIN.list).names == frozenset({"disk"})
        assert live.live("plugin/dlsync-lock") is None
        assert live.live("plugin/dlsync-inventory") is None


def test_a_listing_of_plugins_holds_only_names() -> None:
    with account() as live:
        live.has(plugin(), resource("plugin/a/b", "x"))
        listing = live.run(PLUGIN.list)
        assert live.requests() == ["GET plugins"]
    assert (listing.resources, listing.names, listing.complete) == ((), frozenset({"disk", "a/b"}), True)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        pytest.param([{"plugin": "disk", "tags": ["all"]}], frozenset({"disk"}), id="a copy of the links"),
        pytest.param([], frozenset(), id="an empty list, perhaps of links"),
    ],
)
def test_a_listing_of_plugins_that_may_hold_links_is_incomplete(answer: Json, names: frozenset[str]) -> None:
    async def run() -> None:
        async with scripted(by_request({"GET plugins": json_reply(answer)}, json_reply({}, 404))) as (_, client):
            listing = await PLUGIN.list(client)
            assert (listing.names, listing.complete) == (names, False)

    asyncio.run(run())
