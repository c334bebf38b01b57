"""Evaluate the criteria of a rule against measurements. Pure: a function supplies the points."""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

TRIGGERED, UNKNOWN, CLEAR = "triggered", "unknown", "clear"
POLL = 10  # s between two polls of a criterion
TIMEOUT_STEPS = 30  # polls in a timeout; a longer timeout has longer steps
WINDOW = 4 * TIMEOUT_STEPS  # polls: after four timeouts, the state no longer depends on earlier ones
COARSER, LEVELS = 8, 4  # of the search for the time of triggering: 56 days back with polls every 10 s
MAX_TIMEOUT = 10**9  # s
DOWN = frozenset({2, 3})  # exit codes of a Nagios plugin
STATUS = ".status"  # the end of the names of exit codes
AGENT_STATUS = f"agent{STATUS}"
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    name: getattr(operator, name) for name in ("gt", "lt", "ge", "le", "eq", "ne")
}

Values = Mapping[int, float]  # by unix seconds
# agent id, metric (may hold `*`), times -> the values of each matching metric, by its name
Points = Callable[[str, str, range], Mapping[str, Values]]


@dataclass(frozen=True, slots=True)
class Criterion:
    """The comparison of a metric with a threshold.

    :param metric: its name; each ``*`` stands for any text.
    :param threshold: if it is a boolean, it is compared with whether the metric is up.
    :param timeout: seconds that a new result must last before the state changes.
    """

    metric: str
    threshold: float
    timeout: float
    operator: str

    def holds(self, metric: str, value: float) -> bool:
        """Return whether a value of the metric satisfies the condition."""
        if isinstance(self.threshold, bool):
            return (is_up(metric, value) is self.threshold) is not (self.operator == "ne")
        return OPERATORS[self.operator](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The state of a criterion.

    :param sources: the state of each agent in scope, by id.
    :param triggered_at: unix seconds; None unless triggered.
    """

    state: str
    sources: Mapping[str, str]
    triggered_at: int | None = None

    @property
    def triggered_by(self) -> list[str]:
        """The ids of the agents that trigger the criterion."""
        return [agent for agent, state in self.sources.items() if state == TRIGGERED]


def criterion_of(document: Mapping[str, Any]) -> Criterion | None:
    """Return the criterion that a rule's document describes; None if it cannot be evaluated."""
    metric, condition = document.get("metric"), document.get("condition")
    if not isinstance(metric, str) or not isinstance(condition, Mapping):
        return None
    threshold, timeout, compare = (condition.get(field) for field in ("threshold", "timeout", "operator"))
    timeout, compare = timeout or 0, "gt" if compare is None else compare
    if not isinstance(threshold, int | float) or not isinstance(timeout, int | float) or compare not in [*OPERATORS]:
        return None
    return Criterion(metric, threshold, timeout, compare) if 0 <= timeout <= MAX_TIMEOUT else None


def data_type_of(document: Mapping[str, Any]) -> str:
    """Return the type of a criterion's metric: ``boolean``, ``nagios`` or ``number``."""
    metric, criterion = str(document.get("metric")), criterion_of(document)
    if metric.endswith(STATUS):
        return "boolean" if metric == AGENT_STATUS else "nagios"
    return "boolean" if criterion and isinstance(criterion.threshold, bool) else "number"


def is_up(metric: str, value: float) -> bool:
    """Return whether a value means up: for an exit code, all but 2 and 3; for other metrics, all but 0."""
    return value not in DOWN if metric.endswith(STATUS) and metric != AGENT_STATUS else bool(value)


def matches(pattern: str, metric: str) -> bool:
    """Return whether a metric's name matches a pattern, in which ``*`` stands for any text."""
    first, *rest = pattern.split("*")
    if not rest:
        return metric == pattern
    *middle, last = rest
    start, end = len(first), len(metric) - len(last)
    if start > end or not (metric.startswith(first) and metric.endswith(last)):
        return False
    for piece in middle:  # the leftmost match leaves the most room, so no backtracking is needed
        start = metric.find(piece, start, end) + len(piece)
        if start < len(piece):
            return False
    return True


def worst(states: Iterable[str]) -> str:
    """Combine states: triggered wins, then unknown, then clear; unknown if there are none."""
    return min(states, key=(TRIGGERED, UNKNOWN, CLEAR).index, default=UNKNOWN)


def evaluate(criterion: Criterion, agents: Iterable[str], points: Points, now: int) -> Evaluation:
    """Return the state of a criterion over the agents in its scope.

    :param agents: their ids.
    :param now: unix seconds.
    """
    step = max(POLL, -(-int(criterion.timeout) // TIMEOUT_STEPS))
    times = _window(now, step)
    sources, moments = {}, []
    for agent in agents:
        series = points(agent, criterion.metric, times)
        states = {metric: _state(criterion, metric, values, times)[0] for metric, values in series.items()}
        sources[agent] = worst(states.values())
        for metric in (metric for metric, state in states.items() if state == TRIGGERED):
            moment = _triggered_at(partial(_state_of, criterion, agent, metric, points), now, step)
            moments += [] if moment is None else [moment]
    return Evaluation(worst(sources.values()), sources, min(moments, default=None))


def _window(end: int, step: int) -> range:
    """Return the times of polls up to the end: multiples of the step, so that evaluations share them."""
    last = end // step * step
    return range(max(0, last - (WINDOW - 1) * step), last + 1, step)


def _state_of(criterion: Criterion, agent: str, metric: str, points: Points, times: range) -> tuple[str, int | None]:
    return _state(criterion, metric, points(agent, metric, times).get(metric, {}), times)


def _state(criterion: Criterion, metric: str, values: Values, times: range) -> tuple[str, int | None]:
    """Return the state at the last time, and the time when it triggered; None if that was before the first."""
    state, since, pending, changed = UNKNOWN, None, None, False
    for time in times:
        holds = criterion.holds(metric, values[time]) if time in values else None
        changed = changed or not holds
        if holds is None:
            state, pending = UNKNOWN, None
        elif holds is (state == TRIGGERED):
            state, pending = TRIGGERED if holds else CLEAR, None
        else:
            pending = time if pending is None else pending
            if time - pending >= criterion.timeout:
                state, since, pending = TRIGGERED if holds else CLEAR, time if changed else None, None
    return state, since if state == TRIGGERED else None


def _triggered_at(
    state_of: Callable[[range], tuple[str, int | None]], end: int, step: int, levels: int = LEVELS
) -> int | None:
    """Return when the state at the end became triggered; None if it is not triggered.

    If all polls of a window were triggered, search further back with longer steps, then near the result. That misses
    pauses that are shorter than two of the steps.
    """
    state, since = state_of(times := _window(end, step))
    if state != TRIGGERED or since is not None:
        return since
    coarse = _triggered_at(state_of, end, step * COARSER, levels - 1) if levels else None
    return times[0] if coarse is None else state_of(_window(coarse, step))[1] or coarse
