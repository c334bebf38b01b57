"""``dlsync series``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.builders.commands import Terminal, dlsync, environment, misbehaving
from tests.builders.http import json_reply

METRIC = "base.load_fractional"


def test_without_a_terminal_a_series_is_a_table_of_times_and_values(demo: dict[str, str]) -> None:
    done = dlsync("series", "get", METRIC, "--agent", "db-1", "--period", "1h", "--resolution", "5m", env=demo)
    assert (done.code, done.err, done.writes) == (0, "", [])
    header, *lines = done.out.splitlines()
    assert header.split() == ["TIME", "AGENT", "VALUE"]
    assert 11 <= len(lines) <= 13
    times = [datetime.fromisoformat(line.split()[0]) for line in lines]
    assert {after - before for before, after in pairwise(times)} == {timedelta(minutes=5)}
    assert {line.split()[1] for line in lines} == {"db-1"}
    assert all(float(line.split()[2]) >= 0 for line in lines)


def test_on_a_terminal_a_series_is_a_plot_that_fits_the_width(demo: dict[str, str]) -> None:
    asked = ("series", "get", METRIC, "--tag", "db")
    done = dlsync(*asked, env={**demo, "COLUMNS": "70", "NO_COLOR": "1"}, out=Terminal())
    assert (done.code, done.err) == (0, "")
    assert "⠤⠤ db-1\n⠤⠤ db-2\n" in done.out
    assert max(map(len, done.out.splitlines())) <= 70
    assert "\x1b[" in dlsync(*asked, env={**demo, "COLUMNS": "70", "TERM": "xterm"}, out=Terminal()).out


def test_json_has_the_sources_and_the_points_of_the_series(demo: dict[str, str]) -> None:
    done = dlsync("series", "get", METRIC, "--tag", "db", "--format", "json", env=demo)
    found = json.loads(done.out)
    assert {one["source"]["name"] for one in found} == {"db-1", "db-2"}
    assert found[0]["points"][0].keys() == {"time", "value"}


@pytest.mark.parametrize("end", ["1793000000", "2026-10-26T07:33:20Z"])
def test_all_points_lie_in_the_hour_before_the_given_end(demo: dict[str, str], end: str) -> None:
    done = dlsync("series", "get", METRIC, "--agent", "db-1", "--end", end, "--format", "json", env=demo)
    times = [point["time"] for point in json.loads(done.out)[0]["points"]]
    assert 1793000000 - 3660 <= min(times) < max(times) <= 1793000000
    assert datetime.fromtimestamp(1793000000, UTC) == datetime.fromisoformat("2026-10-26T07:33:20Z")


def test_an_offline_agent_without_points_is_reported_as_offline(demo: dict[str, str]) -> None:
    done = dlsync("series", "get", METRIC, "--agent", "mail-1", env=demo)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"nothing was measured of {METRIC} on mail-1 in that time; it is offline, last seen 20")
    some = dlsync("series", "get", METRIC, "--tag", "web", "--resolution", "30m", env=demo)
    assert "on web-6 in that time; it is offline" in some.err
    assert {line.split()[1] for line in some.out.splitlines()[1:]} == {f"web-{number}" for number in range(1, 6)}


def test_an_online_agent_without_points_is_reported(demo: dict[str, str]) -> None:
    done = dlsync("series", "get", METRIC, "--agent", "db-1", "--end", "100000", env=demo)
    assert done[:3] == (0, "", f"nothing was measured of {METRIC} on db-1 in that time\n")


def test_a_response_without_series_is_reported() -> None:
    with misbehaving(json_reply([])) as server:
        done = dlsync("series", "get", METRIC, "--tag", "x", env=environment(server.url))
    assert done[:3] == (0, "", f"no series of {METRIC}\n")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--period", "1y", "'1y' is no duration such as 90 (seconds), 15m, 1h or 7d."),
        ("--resolution", "0", "'0' is no duration"),
        ("--end", "yesterday", "'yesterday' is no time such as 1467802066 or 2016-07-06T10:47:46Z."),
    ],
)
def test_an_invalid_duration_or_time_is_a_usage_error(option: str, value: str, words: str) -> None:
    done = dlsync("series", "get", METRIC, "--tag", "x", option, value)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
