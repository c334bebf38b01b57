"""An apply to a server whose disk is full or whose account has reached its quota."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest

from dlsync.server.operation import Limits
from dlsync.server.run import RunningServer, running
from tests.builders.commands import dlsync, environment
from tests.builders.killed import ended, serving, started
from tests.builders.served import account_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.commands import Outcome

pytestmark = pytest.mark.untraced

FULL = "the disk that holds the server's database is full; nothing was changed, free space and send it again"
COUNT = 20


def tree_of(folder: Path, title: str) -> Path:
    (folder / "dashboards").mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        text = f"title: {title} {number} # {'x' * 20_000}\npositions: []\n"
        (folder / "dashboards" / f"d{number}.yaml").write_text(text)
    return folder


def live(url: str) -> dict[str, str]:
    with account_of(RunningServer(url)) as client:
        names = [item["name"] for item in client.get("dashboards").json()]
        return {name: client.get(f"dashboards/{name}").text for name in names}


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of a running process")
@pytest.mark.parametrize("room", [0, 150_000])
def test_an_apply_to_a_full_disk_fails_and_a_repeat_converges_once_space_is_free(tmp_path: Path, room: int) -> None:
    tree, database = tree_of(tmp_path / "tree", "old"), tmp_path / "server.db"
    with serving(database) as (url, server):
        code, out = ended(started("apply", str(tree), "--auto-approve", url=url))
        assert code == 0, out
        before, files = live(url), tree_of(tree, "new") / "dashboards"
        log = database.with_name(f"{database.name}-wal")
        limit = log.stat().st_size + room
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        code, out = ended(started("apply", str(tree), "--auto-approve", url=url))
        assert code == (3 if room else 1), out
        assert FULL in out.replace("\n", " "), out
        wanted = {file.stem: file.read_text() for file in files.iterdir()}
        during = live(url)
        assert all(during[name] in {before[name], wanted[name]} for name in wanted)
        assert during != wanted
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        code, out = ended(started("apply", str(tree), "--auto-approve", url=url))
        assert code == 0, out
        assert live(url) == wanted
        code, out = ended(started("plan", str(tree), "--detailed-exitcode", url=url))
        assert code == 0, out
    with running(db=database) as restarted:
        assert live(restarted.url) == wanted


def test_an_apply_beyond_the_quota_names_it_and_succeeds_after_the_quota_is_raised(tmp_path: Path) -> None:
    tree, database = tree_of(tmp_path / "tree", "old"), tmp_path / "server.db"

    def apply(quota: int) -> Outcome:
        with running(db=database, limits=Limits(resources=quota)) as server:
            return dlsync("apply", tree, "--auto-approve", env=environment(server.url))

    refused = apply(COUNT - 5)
    assert refused.code == 3
    said = " ".join((refused.out + refused.err).split())
    assert "the server has no room for this (507: the account has 15 dashboards and rules, the most that" in said
    assert "raise --max-resources" in said
    assert len([write for write in refused.writes if "PUT" in write]) == COUNT
    tree_of(tree, "new")
    assert apply(COUNT - 5).code == 3  # but it has updated the resources that exist
    assert apply(COUNT).code == 0
    assert apply(COUNT).writes == []
