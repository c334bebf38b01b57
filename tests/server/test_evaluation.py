"""The evaluation of a rule as docs/server.md describes it: a table of cases, and properties."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.server.evaluation import (
    OPERATORS,
    POLL,
    Criterion,
    criterion_of,
    data_type_of,
    evaluate,
    is_up,
    matches,
    worst,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.server.evaluation import Evaluation, Points, Values

NOW = 1_000_000_000  # a multiple of each step that is used here


def criterion(metric: str = "base.cpu", threshold: float = 5, timeout: float = 60, operator: str = "gt") -> Criterion:
    return Criterion(metric, threshold, timeout, operator)


def measured(series: Mapping[str, Mapping[str, Any]]) -> Points:
    """Points of agents, from a function of the time for each metric, which returns None where data is missing."""

    def points(agent: str, pattern: str, times: range) -> dict[str, Values]:
        return {
            metric: {time: value for time in times if (value := at(time)) is not None}
            for metric, at in series.get(agent, {}).items()
            if matches(pattern, metric)
        }

    return points


def latest(*values: float | None) -> Any:
    """A function of the time with these values at the last polls, and the first value at all earlier times."""
    return lambda time: values[max(0, len(values) - 1 - (NOW - time) // POLL)]


def evaluated(*values: float | None, **fields: Any) -> Evaluation:
    """The state for one agent with these values at the last polls."""
    made = criterion(**fields)
    return evaluate(made, ["1"], measured({"1": {made.metric: latest(*values)}}), NOW)


HIGH, LOW = 9, 1
TABLE: dict[str, tuple[list[float | None], str]] = {
    "it always held": ([HIGH], "triggered"),
    "it never held": ([LOW], "clear"),
    "nothing was ever measured": ([None], "unknown"),
    "it began to hold less than the timeout ago": ([LOW, *[HIGH] * 6], "clear"),
    "it began to hold a timeout ago": ([LOW, *[HIGH] * 7], "triggered"),
    "it ceased to hold less than the timeout ago": ([HIGH, *[LOW] * 6], "triggered"),
    "it ceased to hold a timeout ago": ([HIGH, *[LOW] * 7], "clear"),
    "it ceased for a moment": ([HIGH, LOW, *[HIGH] * 2], "triggered"),
    "it held for a moment": ([LOW, HIGH, *[LOW] * 2], "clear"),
    "each is too short to count": ([LOW, *[HIGH, HIGH, LOW] * 5], "clear"),
    "its data ended": ([HIGH, None], "unknown"),
    "its data ended, and it was clear": ([LOW, None], "unknown"),
    "its data came back and it does not hold": ([HIGH, None, LOW], "clear"),
    "its data came back and it holds, not yet for the timeout": ([HIGH, None, HIGH], "unknown"),
    "its data came back and it holds for the timeout": ([None, *[HIGH] * 7], "triggered"),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_state_of_one_agent_follows_from_its_latest_values(case: str) -> None:
    values, state = TABLE[case]
    found = evaluated(*values)
    assert (found.state, found.sources) == (state, {"1": state})
    assert found.triggered_by == (["1"] if state == "triggered" else [])
    assert (found.triggered_at is None) == (state != "triggered")


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([], "unknown"),
        (["clear", "clear"], "clear"),
        (["clear", "unknown"], "unknown"),
        (["clear", "unknown", "triggered"], "triggered"),
    ],
)
def test_among_several_agents_triggered_wins_over_unknown_and_unknown_over_clear(states: list[str], state: str) -> None:
    values = {"clear": LOW, "unknown": None, "triggered": HIGH}
    series = {str(index): {"base.cpu": latest(values[item])} for index, item in enumerate(states)}
    found = evaluate(criterion(), [*series], measured(series), NOW)
    assert (found.state, found.sources) == (state, dict(zip(series, states, strict=True)))
    assert worst(states) == state


def test_an_agent_without_the_metric_is_unknown() -> None:
    found = evaluate(criterion(), ["1", "2"], measured({"1": {"base.cpu": latest(LOW)}}), NOW)
    assert (found.state, found.sources) == ("unknown", {"1": "clear", "2": "unknown"})


def test_a_criterion_with_a_star_covers_every_matching_metric() -> None:
    series = {"1": {"disk.a.used": latest(LOW), "disk.b.used": latest(HIGH), "disk.b.free": latest(None)}}
    for pattern, state in (("disk.*.used", "triggered"), ("disk.a.*", "clear"), ("*", "triggered"), ("x.*", "unknown")):
        assert evaluate(criterion(pattern), ["1"], measured(series), NOW).state == state


def test_a_pattern_is_literal_except_for_its_stars() -> None:
    fitting = [("a.b", "a.b"), ("a*", "a.b\n"), ("*", ""), ("a.b", "axb"), ("[ab]", "a"), ("a*b", "a.c")]
    assert [matches(pattern, name) for pattern, name in fitting] == [True] * 3 + [False] * 3


def test_text_between_stars_is_matched_between_the_start_and_the_end_of_a_name() -> None:
    assert matches("a*b*c", "a.b.c")
    assert not matches("a*b*c", "a.c")
    assert not matches("ab*b*c", "ab.c")


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        *[("gt", False, False, True), ("lt", True, False, False), ("ge", False, True, True)],
        *[("le", True, True, False), ("eq", False, True, False), ("ne", True, False, True)],
    ],
)
def test_an_operator_compares_the_value_with_the_threshold(
    operator: str, below: bool, equal: bool, above: bool
) -> None:
    assert [criterion(operator=operator).holds("base.cpu", value) for value in (4, 5, 6)] == [below, equal, above]


@pytest.mark.parametrize(
    ("metric", "value", "up"),
    [
        *[("redis.status", 0, True), ("redis.status", 1, True), ("redis.status", 2, False), ("redis.status", 3, False)],
        *[("agent.status", 1, True), ("agent.status", 0, False), ("app.ready", 1, True), ("app.ready", 0, False)],
    ],
)
def test_a_boolean_threshold_compares_whether_a_status_is_up(metric: str, value: float, up: bool) -> None:
    assert is_up(metric, value) is up
    assert criterion(threshold=False).holds(metric, value) is not up
    assert criterion(threshold=True).holds(metric, value) is up
    assert criterion(threshold=False, operator="ne").holds(metric, value) is up


CONDITION = {"threshold": 1}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"metric": "a.b", "condition": CONDITION}, Criterion("a.b", 1, 0, "gt")),
        (
            {"metric": "a.b", "condition": {**CONDITION, "timeout": None, "operator": None}},
            Criterion("a.b", 1, 0, "gt"),
        ),
        ({"metric": "a.b", "condition": {"threshold": False, "timeout": 9}}, Criterion("a.b", False, 9, "gt")),
        ({"metric": "a.b", "condition": {**CONDITION, "operator": "is"}}, None),
        ({"metric": "a.b", "condition": {**CONDITION, "operator": []}}, None),
        ({"metric": "a.b", "condition": {**CONDITION, "timeout": "9"}}, None),
        ({"metric": "a.b", "condition": {**CONDITION, "timeout": -1}}, None),
        ({"metric": "a.b", "condition": {**CONDITION, "timeout": 10**40}}, None),
        ({"metric": "a.b", "condition": {"threshold": "1"}}, None),
        ({"metric": "a.b", "condition": {}}, None),
        ({"metric": "a.b"}, None),
        ({"condition": CONDITION}, None),
    ],
)
def test_a_valid_criterion_is_read_and_an_invalid_criterion_is_none(
    document: dict[str, Any], expected: Criterion | None
) -> None:
    assert criterion_of(document) == expected


@pytest.mark.parametrize(
    ("metric", "threshold", "expected"),
    [
        *[("agent.status", False, "boolean"), ("redis.status", False, "nagios"), ("redis.status", 1, "nagios")],
        *[("base.cpu", 90, "number"), ("app.ready", False, "boolean"), ("base.cpu", None, "number")],
    ],
)
def test_the_data_type_follows_from_the_criterion(metric: str, threshold: float | None, expected: str) -> None:
    assert data_type_of({"metric": metric, "condition": {"threshold": threshold}}) == expected


# The time at which a criterion triggered


def test_a_criterion_triggers_one_timeout_after_its_condition_begins_to_hold() -> None:
    assert evaluated(LOW, *[HIGH] * 20).triggered_at == NOW - 19 * POLL + 60


def test_the_trigger_time_of_several_agents_is_that_of_the_first_agent_to_trigger() -> None:
    series = {"1": {"a": latest(LOW, *[HIGH] * 9)}, "2": {"a": latest(LOW, *[HIGH] * 12)}, "3": {"a": latest(LOW)}}
    assert evaluate(criterion("a"), [*series], measured(series), NOW).triggered_at == NOW - 11 * POLL + 60


@pytest.mark.parametrize("ago", [2_000, 20_000, 200_000, 2_000_000, 4_500_000])
@pytest.mark.parametrize("later", [0, 10, 3_000])
def test_the_trigger_time_is_found_however_long_ago_and_does_not_change(ago: int, later: int) -> None:
    points = measured({"1": {"a": lambda time: HIGH if time >= NOW - ago else LOW}})
    assert evaluate(criterion("a"), ["1"], points, NOW + later).triggered_at == NOW - ago + 60


def test_a_condition_that_always_held_has_a_trigger_time_more_than_56_days_ago() -> None:
    found = evaluated(HIGH).triggered_at
    assert found is not None
    assert 0 <= found < NOW - 56 * 24 * 3_600


@pytest.mark.parametrize(("begin", "end"), [(3_000, 2_800), (30_000, 28_000)])
def test_the_trigger_time_is_found_after_a_dip_of_two_coarse_steps(begin: int, end: int) -> None:
    points = measured({"1": {"a": lambda time: LOW if NOW - begin <= time < NOW - end else HIGH}})
    assert evaluate(criterion("a"), ["1"], points, NOW).triggered_at == NOW - end + 60


# Properties

values = st.lists(st.sampled_from([HIGH, LOW, None]), min_size=1, max_size=40)
timeouts = st.sampled_from([0, 10, 30, 60])


@given(values, timeouts)
def test_a_criterion_without_current_data_is_unknown(before: list[float | None], timeout: int) -> None:
    assert evaluated(*before, None, timeout=timeout).state == "unknown"


@given(values)
def test_without_a_timeout_the_last_value_decides(before: list[float | None]) -> None:
    last = before[-1]
    expected = "unknown" if last is None else "triggered" if last == HIGH else "clear"
    assert evaluated(*before, timeout=0).state == expected


@given(values, timeouts, st.sampled_from([HIGH, LOW]))
def test_a_value_that_stays_for_the_timeout_decides_the_state_whatever_came_before(
    before: list[float | None], timeout: int, value: float
) -> None:
    found = evaluated(*before, *[value] * (timeout // POLL + 1), timeout=timeout)
    assert found.state == ("triggered" if value == HIGH else "clear")


@given(values, timeouts)
def test_a_change_shorter_than_the_timeout_does_not_change_the_state(before: list[float | None], timeout: int) -> None:
    polls = timeout // POLL
    shaken = [*before, *[HIGH] * (polls + 1), *[LOW] * polls]
    assert evaluated(*shaken, timeout=timeout).state == "triggered"
    assert evaluated(*shaken, HIGH, timeout=timeout).state == "triggered"


@given(st.lists(st.sampled_from(["clear", "unknown", "triggered"])), st.sampled_from(["clear", "unknown", "triggered"]))
def test_an_additional_state_never_improves_the_overall_state(states: list[str], state: str) -> None:
    order = ["clear", "unknown", "triggered"]
    if states:
        assert order.index(worst([*states, state])) == max(order.index(worst(states)), order.index(state))


@given(st.integers(0, 10**9), st.sampled_from([*OPERATORS]), st.integers(0, 2 * 10**9))
def test_any_timeout_is_evaluated_with_few_queries(timeout: int, operator: str, now: int) -> None:
    asked: list[int] = []

    def points(agent: str, metric: str, times: range) -> dict[str, Values]:
        asked.append(len(times))
        return {metric: dict.fromkeys(times, HIGH)}

    assert evaluate(criterion("a", timeout=timeout, operator=operator), ["1"], points, now).sources.keys() == {"1"}
    assert max(asked) <= 120
    assert len(asked) <= 12


@given(
    pattern=st.lists(st.sampled_from(["*", "a", "b", "."]), max_size=8).map("".join),
    metric=st.text("ab.", max_size=8),
)
def test_a_star_stands_for_any_text(pattern: str, metric: str) -> None:
    assert matches(pattern, metric) is (
        re.fullmatch(pattern.replace(".", "[.]").replace("*", ".*"), metric) is not None
    )


def test_matching_a_pattern_with_thousands_of_stars_ends() -> None:
    """A regular expression would try each position of each star and block the server."""
    assert not matches("*a" * 5_000 + "!", "a" * 4_000)
