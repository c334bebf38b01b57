"""The cache file: a server sends only changed resources again, and a plan is the same as without the cache."""

from __future__ import annotations

import pwd
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platformdirs import user_cache_path

from dlsync import operations
from dlsync.errors import NotModified
from dlsync.operations import cache
from tests.builders.applies import apply, changes, plan
from tests.builders.between import below, put_by_hand, through
from tests.builders.commands import dlsync
from tests.builders.http import Reply
from tests.builders.trees import Account, account, resource, write_tree

if TYPE_CHECKING:
    from dlsync.files.settings import Settings
    from dlsync.model import Json
    from tests.builders.between import Onward
    from tests.builders.http import Seen

FILES = {
    "dashboards/a.yaml": "title: A\npositions: []\n",
    "dashboards/b.yaml": "title: B\npositions: []\n",
    "rules/a.yaml": "title: A\ncriteria: []\n",
    "rules/b.yaml": "title: B\ncriteria: []\n",
    "plugins/a.py": "a\n",
    "plugins/b.py": "b\n",
    "plugins/b.meta.yaml": "interval: 60\n",
}
LISTS = ["GET dashboards", "GET plugins", "GET rules"]
RECORD = ["GET plugins/dlsync-inventory"]
EACH = [f"GET {kind}/{name}" for kind in ("plugins", "rules") for name in "ab"]
DASHBOARDS = [f"GET dashboards/{name}" for name in "ab"]
PASSED_ON = ("authorization", "accept", "if-none-match")
LOCK = "GET plugins/dlsync-lock"  # requested if the list of plugins may be incomplete
CONFIRMED = ["GET /api/v1/orgs/acme/accounts"]  # shows whether a 404 means a missing operation


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", FILES)


def environment(live: Account) -> dict[str, str]:
    return {"DLSYNC_URL": live.settings.url, "DLSYNC_API_KEY": live.settings.key, "DLSYNC_ORG": "acme"} | {
        "DLSYNC_ACCOUNT": "default"
    }


def asked(live: Account, tree: Path) -> list[str]:
    """Return the requests of a plan without changes, sorted."""
    done = dlsync("plan", tree, "--detailed-exitcode", env=environment(live))
    assert (done.code, done.err) == (0, "")
    return sorted(map(str, done.asked))


def folder() -> Path:
    return user_cache_path("dlsync")


def kept() -> Path:
    (file,) = folder().iterdir()
    return file


def forgotten() -> None:
    shutil.rmtree(folder(), ignore_errors=True)


# requests


def test_a_second_plan_requests_only_the_lists_and_the_inventory(applied: Account, tree: Path) -> None:
    forgotten()
    assert asked(applied, tree) == sorted([*LISTS, *RECORD, *EACH])
    assert asked(applied, tree) == sorted([*LISTS, *RECORD])


def test_with_documented_operations_only_each_plan_requests_all_resources_and_gets_304(tree: Path) -> None:
    with account(documented_only=True) as live:
        apply(live, tree)
        whole = sorted([*LISTS, *RECORD, *EACH, *DASHBOARDS, *CONFIRMED, LOCK])
        forgotten()
        assert asked(live, tree) == whole
        assert asked(live, tree) == whole
        again = statuses(live, tree)
    assert {path: again[path] for path in (*EACH, *DASHBOARDS)} == dict.fromkeys([*EACH, *DASHBOARDS], 304)


def test_without_etags_each_plan_requests_all_resources_again(applied: Account, tree: Path) -> None:
    forgotten()
    seen: list[str] = []

    def bare(request: Seen, onward: Onward) -> Reply:
        seen.append(below(request))
        return onward()

    for _ in range(2):
        seen.clear()
        assert not through(applied, bare, lambda settings: operations.plan(tree, settings))
        assert sorted(seen) == sorted([*LISTS, *RECORD, *EACH])


def statuses(live: Account, tree: Path, *expected: str) -> dict[str, int]:
    """Return the status of the last response to each request of two plans that have the expected changes."""
    found: dict[str, int] = {}

    def noting(request: Seen, _: Onward) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        host = live.settings.url.removesuffix("/api/v1")
        came = httpx2.request(request.method, host + request.target, headers=headers)
        found[below(request)] = came.status_code
        names = ("Content-Type", "ETag")
        return Reply(came.status_code, came.content, tuple((name, came.headers.get(name, "")) for name in names))

    through(live, noting, lambda settings: twice(tree, settings, *expected))
    return found


async def twice(tree: Path, settings: Settings, *expected: str) -> None:
    for _ in range(2):
        assert changes(await operations.plan(tree, settings)) == [*expected]


# when the cache is used, and when it is ignored


def test_a_plan_detects_changes_on_the_server_and_fetches_only_the_changed_resources(
    applied: Account, tree: Path
) -> None:
    asked(applied, tree)
    put_by_hand(applied, "rules/a", "title: Other\ncriteria: []\n")
    done = dlsync("plan", tree, env=environment(applied))
    assert sorted(map(str, done.asked)) == sorted([*LISTS, *RECORD, "GET rules/a"])
    assert "~ rule/a  update" in done.out
    applied.run(lambda client: client.plugins.update("b", b"b\n", interval=90))
    put_by_hand(applied, "dashboards/a", "title: Other\npositions: []\n")
    assert changes(plan(applied, tree)) == ["update plugin/b drift", "update dashboard/a drift", "update rule/a drift"]


def test_a_plan_with_a_cache_detects_changes_of_the_files(applied: Account, tree: Path) -> None:
    asked(applied, tree)
    write_tree(
        tree,
        {
            "dashboards/a.yaml": "title: Other\npositions: []\n",
            "plugins/b.meta.yaml": "interval: 90\n",
            "rules/b.yaml": "title: Other\ncriteria: []\n",
        },
    )
    made = plan(applied, tree)
    assert changes(made) == ["update plugin/b repo", "update dashboard/a repo", "update rule/b repo"]
    assert [one.before for change in made.changes for one in change.diff] == [60, "A", "B"]


def test_a_plan_with_a_cache_creates_resources_that_were_deleted_on_the_server(applied: Account, tree: Path) -> None:
    asked(applied, tree)
    applied.lacks("rule/a", "dashboard/b", "plugin/a")
    assert changes(plan(applied, tree)) == ["create plugin/a drift", "create dashboard/b drift", "create rule/a drift"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["file", "live"]),
        st.sampled_from(["dashboard/a", "dashboard/b", "rule/a", "plugin/a", "plugin/b"]),
        st.integers(0, 2),
    ),
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_a_plan_with_a_cache_equals_a_plan_without_a_cache(steps: list[tuple[str, str, int]]) -> None:
    with account() as live, tempfile.TemporaryDirectory() as folder:
        tree = write_tree(Path(folder) / "tree", FILES)
        apply(live, tree)
        for where, what, version in steps:
            if where == "file":
                write_tree(tree, file_of(what, version))
            else:
                live.lacks(what)
                live.has(live_of(what, version))
            remembered = plan(live, tree)
            forgotten()
            assert replace(plan(live, tree), warnings=()) == replace(remembered, warnings=())


def file_of(what: str, version: int) -> dict[str, str]:
    kind, name = what.split("/")
    if kind == "plugin":
        return {f"plugins/{name}.py": f"{version}\n", f"plugins/{name}.meta.yaml": f"interval: {60 + version}\n"}
    rest = "positions" if kind == "dashboard" else "criteria"
    return {f"{kind}s/{name}.yaml": f"title: T{version}\n{rest}: []\n"}


def live_of(what: str, version: int) -> Any:
    kind, _ = what.split("/")
    if kind == "plugin":
        script: dict[str, Json] = {"content": f"{version}\n", "extension": "py", "interval": 60 + version}
        return resource(what, script)
    return resource(what, file_of(what, version)[f"{kind}s/{what[-1]}.yaml"])


@pytest.mark.parametrize("spoiled", [b"", b"\xff\n{", b"[]", b"{}", b'{"made_with": 1'])
def test_a_corrupt_cache_file_is_ignored(applied: Account, tree: Path, spoiled: bytes) -> None:
    asked(applied, tree)
    kept().write_bytes(spoiled)
    assert asked(applied, tree) == sorted([*LISTS, *RECORD, *EACH])


def test_an_export_ignores_the_cache_and_requests_everything(applied: Account, tree: Path, tmp_path: Path) -> None:
    asked(applied, tree)
    done = dlsync("export", tmp_path / "elsewhere", env=environment(applied))
    assert sorted(map(str, done.asked)) == sorted([*LISTS, "GET links", *RECORD, *EACH])


def test_a_cache_from_another_version_of_dlsync_is_ignored(
    applied: Account, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(cache, "__version__", "0.0.1")
        asked(applied, tree)
    assert asked(applied, tree) == sorted([*LISTS, *RECORD, *EACH])


def test_the_cache_file_contains_no_resource_with_a_secret(applied: Account, tree: Path) -> None:
    write_tree(tree, {"rules/a.yaml": "title: ${env:TITLE}\ncriteria: []\n"})
    apply(applied, tree, environ={"TITLE": "s3cret"})
    assert not plan(applied, tree, environ={"TITLE": "s3cret"})
    content = kept().read_text()
    assert "rule/b" in content
    assert "rule/a" not in content


def test_the_cache_file_drops_resources_that_have_no_file_any_more(applied: Account, tree: Path) -> None:
    asked(applied, tree)
    (tree / "rules" / "b.yaml").unlink()
    plan(applied, tree)
    assert '"rule/a"' in kept().read_text()
    assert '"rule/b"' not in kept().read_text()


def test_only_a_list_with_a_changed_resource_is_fetched_whole_again(applied: Account, tree: Path) -> None:
    assert statuses(applied, tree)["GET dashboards"] == 304
    put_by_hand(applied, "dashboards/a", "title: Other\npositions: []\n")
    found = statuses(applied, tree, "update dashboard/a drift")
    assert found["GET dashboards"] == 200
    assert found.keys().isdisjoint(DASHBOARDS)


def test_if_the_cache_cannot_be_written_each_plan_requests_all_resources(applied: Account, tree: Path) -> None:
    forgotten()
    folder().write_text("a file")
    for _ in range(2):
        assert asked(applied, tree) == sorted([*LISTS, *RECORD, *EACH])


def test_a_plan_without_a_home_folder_works_without_a_cache(
    applied: Account, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert set(statuses(applied, tree).values()) == {200}


@pytest.mark.parametrize("path", ["GET dashboards", "GET rules/a"])
def test_a_304_response_to_an_unconditional_request_is_an_error(applied: Account, tree: Path, path: str) -> None:
    forgotten()

    def hasty(request: Seen, onward: Onward) -> Reply:
        return Reply(304) if below(request) == path else onward()

    with pytest.raises(NotModified, match="still the version that was known"):
        through(applied, hasty, lambda settings: operations.plan(tree, settings))


def test_a_wrong_304_response_hides_a_change_until_the_cache_is_deleted(applied: Account, tree: Path) -> None:
    forgotten()

    def lying(request: Seen, onward: Onward) -> Reply:
        came = onward()
        return Reply(304) if "if-none-match" in request.headers else replace(came, headers=(("ETag", '"same"'),))

    async def looked(settings: Settings) -> list[list[str]]:
        assert not await operations.plan(tree, settings)
        put_by_hand(applied, "rules/a", "title: Other\ncriteria: []\n")
        believed = await operations.plan(tree, settings)
        forgotten()
        return [changes(believed), changes(await operations.plan(tree, settings))]

    assert through(applied, lying, looked) == [[], ["update rule/a drift"]]


def test_an_invalid_etag_is_ignored_and_nothing_is_cached(applied: Account, tree: Path) -> None:
    forgotten()

    def strange(request: Seen, onward: Onward) -> Reply:
        came = onward()
        return replace(came, headers=(*came.headers, ("ETag", 'x" y')))

    through(applied, strange, lambda settings: twice(tree, settings))
    assert not folder().exists()
