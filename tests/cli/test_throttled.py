"""Commands against a server that answers 429: slower, with the same result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.builders.commands import DASHBOARD, dlsync, environment, misbehaving
from tests.builders.http import Reply, Seen, json_reply
from tests.builders.throttling import BUSY, Crowded
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

NAMES = [f"d{number:02}" for number in range(60)]


@pytest.fixture
def dashboards(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree", {f"dashboards/{name}.yaml": DASHBOARD for name in NAMES})


def test_a_plan_is_complete_on_a_server_that_accepts_only_four_requests_at_a_time(dashboards: Path) -> None:
    crowded = Crowded(lambda _: Reply(200, DASHBOARD.encode(), (("Content-Type", "application/yaml"),)), at_once=4)

    def answer(request: Seen) -> Reply | Awaitable[Reply]:
        if "/dashboards/" in request.target:
            return crowded(request)
        if request.target.endswith("/accounts"):
            return json_reply([{"name": "default"}])
        return json_reply({}, 404)

    with misbehaving(answer) as server:
        done = dlsync("plan", dashboards, "--format", "json", "--detailed-exitcode", env=environment(server.url))
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["summary"]["unchanged"] == len(NAMES)
    fetched = [one for one in done.asked if one.path.startswith("dashboards/")]
    assert {one.path for one in fetched} == {f"dashboards/{name}" for name in NAMES}
    assert 0 < crowded.refused == len(fetched) - len(NAMES) < len(NAMES)


def test_a_server_that_always_answers_429_is_an_error_that_names_the_settings_to_change(dashboards: Path) -> None:
    with misbehaving(BUSY) as server:
        done = dlsync("plan", dashboards, env=environment(server.url))
    assert (done.code, done.out) == (1, "")
    assert "after 9 attempts and 30.0 s of waiting; the last: the server answered 429: slow down" in done.err
    assert "Set `requests_per_second` or a lower `concurrency`, or try again later." in done.err
