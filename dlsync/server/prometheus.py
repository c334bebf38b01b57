"""Read measurements from a Prometheus-compatible API (Prometheus, VictoriaMetrics, Mimir).

https://prometheus.io/docs/prometheus/latest/querying/api/ describes it. Call none of this in a transaction of the
database, which a slow metrics server would keep open.
"""

import asyncio
import json
import logging
import math
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from typing import Any, NamedTuple, Self, TypeVar, cast
from urllib.parse import quote, unquote

from pyreqwest.bytes import Bytes
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url
from pyreqwest.response import Response

from dlsync.errors import SettingsError
from dlsync.server.evaluation import AGENT_STATUS, STATUS, Points, Values, matches

LOG = logging.getLogger("dlsync.server")
API = "/api/v1"
UP = "up"  # Prometheus writes it at each scrape: 1 or 0
TARGETS = "targets"
PERIOD = 3_600  # s: an agent exists if it measured within it
NAMES_STEP = 300  # s: periods of requests for names are rounded to it, so that requests share answers
PIECE = 5_000  # points of a series in a request; the limit of servers is 11,000
MATCHED = 2_000  # characters of the targets in a request, whose URL may hold them
SIMULTANEOUS = 4  # requests
MOST_CACHED = 64  # answers
MOST_MATCHED = 50  # metrics that match a pattern of a rule
MOST_ANSWERED = 200_000  # points of all series of a response, which is built in memory
OK, BUSY = 200, frozenset({429, 503})
SHOWN = 1_000  # characters of an error of the metrics server
EXACT = 2**53  # below it, a float holds each whole number exactly
_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNUSUAL = re.compile("[^a-zA-Z0-9_:*]")  # `*` is part of patterns, not of names
Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels, Values]  # a target and its other labels
T = TypeVar("T")
_quote = partial(json.dumps, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Source:
    """The settings of a metrics server.

    :param url: the URL before ``/api/v1``; its user and password are sent as basic authentication.
    :param agent_label: the label whose values are the ids of agents; the values of ``tag_labels`` are tags.
    :param utf8: metrics have the same names there; otherwise, an underscore replaces each dot or other character.
    :param seconds: limit on the time for an answer, with the wait for a connection.
    :param answer_bytes: limit on the size of an answer.
    :param cached_seconds: how long agents and names are cached; a failure is cached three times as long.
    :raises SettingsError: the URL or a label is invalid.
    """

    url: str = field(repr=False)
    agent_label: str = "instance"
    tag_labels: tuple[str, ...] = ()
    utf8: bool = False
    seconds: float = 10
    answer_bytes: int = 8 * 1024 * 1024
    cached_seconds: float = 5

    def __post_init__(self) -> None:
        if wrong := [label for label in (self.agent_label, *self.tag_labels) if not _LABEL.fullmatch(label)]:
            raise SettingsError(f"{wrong[0]!r} is not the name of a label", hint="Write it as in `job` or `env`.")
        with suppress(ValueError):  # its message might quote a password
            if Url(self.url).scheme in {"http", "https"} and not set("?#") & set(self.url):
                return
        hint = "Write it as in http://127.0.0.1:9090, without a query."
        raise SettingsError("the URL of the metrics server is not an HTTP address", hint=hint)


class Target(NamedTuple):
    """A value of the agent label; ``seen`` is an hour ago if its last scrape failed."""

    id: str
    tags: tuple[str, ...]
    seen: datetime


class MetricsError(Exception):
    """The metrics server gave no usable answer; the reason has a ``{}`` for each of the values."""

    def __init__(self, status: int, reason: str, *values: object) -> None:
        super().__init__(reason.format(*map(repr, values)))
        self.status, self.reason, self.values = status, reason, values


class Prometheus:
    """A client of a metrics server, for one event loop; use it with ``async with``."""

    def __init__(self, source: Source, now: Callable[[], datetime]) -> None:
        url = Url(source.url)
        self.known: Mapping[str, Target] = {}  # by id; from the last successful request
        self.failure: BaseException | None = None  # of the last request for targets
        self._source, self._now = source, now
        self._origin = f"{url.scheme}://{url.host_str}:{url.port_or_known_default}"
        self._base = self._origin + url.path.rstrip("/").removesuffix(API) + API
        self._login = unquote(url.username or ""), unquote(url.password or "")
        self._reported: set[tuple[str, ...]] = set()  # ambiguous names, which the log has already
        self._slots = asyncio.Semaphore(SIMULTANEOUS)
        self._cache: dict[str, tuple[asyncio.Task[Any], float]] = {}  # with the time of the loop at which it expires

    async def __aenter__(self) -> Self:
        plain = self._base.startswith("http:")  # so that plain HTTP works on a system without certificates
        builder = ClientBuilder().no_proxy().follow_redirects(enable=False)
        self._client = builder.danger_accept_invalid_certs(enable=plain).build()
        await self.refresh(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task, _until in self._cache.values():
            task.cancel()
        await self._client.close()

    async def refresh(self, *, wait: bool) -> None:
        """Request the targets, unless they are cached; a failure keeps the known ones."""
        fetched = self._cached(TARGETS, self._fetch_targets)
        if wait:
            with suppress(MetricsError):
                await asyncio.shield(fetched)

    async def names(self, targets: Iterable[str], times: range) -> dict[str, list[str]]:
        """Return the metrics that targets measured in a period: by their names here, their names in Prometheus."""
        start, end = times[0] // NAMES_STEP * NAMES_STEP, -(-times[-1] // NAMES_STEP) * NAMES_STEP
        period = {"start": max(0, start), "end": max(0, end)}

        async def fetch(matcher: str) -> list[str]:
            return _texts(await self._request("label/__name__/values", {"match[]": f"{{{matcher}}}", **period}))

        tasks = [self._cached(f"{matcher} {period}", partial(fetch, matcher)) for matcher in self._matchers(targets)]
        names: dict[str, list[str]] = defaultdict(list)
        for name in sorted({name for found in await asyncio.gather(*map(asyncio.shield, tasks)) for name in found}):
            names[self._name_here(name)].append(name)
        for ambiguous in {tuple(originals) for originals in names.values() if len(originals) > 1} - self._reported:
            LOG.warning("the metrics server has %s, which are one name here", " and ".join(map(repr, ambiguous)))
            self._reported.add(ambiguous)
        if UP in names:
            names[AGENT_STATUS] = [UP]
        return names

    def _name_here(self, name: str) -> str:
        return name if self._source.utf8 or name == AGENT_STATUS else _UNUSUAL.sub("_", name)

    async def series(self, targets: Collection[str], name: str, times: range, *, average: bool = False) -> list[Series]:
        """Return the series of a metric at the given times, for targets that have values then.

        :param average: return averages of the intervals that begin at the times, instead of values.
        :raises MetricsError: there is no usable answer, it is too large, or the name is ambiguous here.
        """
        originals = (await self.names(targets, times)).get(name := self._name_here(name), [])
        if len(originals) > 1:
            reason = "the metrics server has {} and {}, which are one name here; see dlsync serve --metrics-names"
            raise MetricsError(409, reason, *originals[:2])
        now = int(self._now().timestamp())
        past = [time for time in times if originals and 0 <= time <= now]
        pieces = [past[start : start + PIECE] for start in range(0, len(past), PIECE)]
        found: dict[tuple[str, Labels], dict[int, float]] = defaultdict(dict)
        for matcher, piece in product(self._matchers(targets), pieces):
            selector = f"{{__name__={_quote(originals[0])},{matcher}}}"
            for target, labels, values in await self._range(name, selector, piece, times.step, average=average):
                if target not in targets:
                    raise _undocumented()
                found[target, labels].update(values)
            if sum(map(len, found.values())) > MOST_ANSWERED:
                raise MetricsError(422, f"resolution: the series have more than {MOST_ANSWERED} points; ask for fewer")
        return [(*key, values) for key, values in sorted(found.items()) if values]

    async def _range(self, name: str, selector: str, times: list[int], step: int, *, average: bool) -> list[Series]:
        label, shift = self._source.agent_label, step if average else 0
        expression = f"avg_over_time({selector}[{shift}s])" if average else selector
        if name == AGENT_STATUS:  # the highest of the jobs that scrape the target
            expression = f"max by ({label}) ({expression})"
        expected, period = {*times}, {"start": times[0] + shift, "end": times[-1] + shift, "step": step}
        result: list[Series] = []
        for labels, row in _result(await self._request("query_range", {"query": expression, **period}), "matrix"):
            values = {time - shift: value for time, value in _values(row.get("values")).items()}
            if not expected.issuperset(values):
                raise _undocumented()
            others = sorted(item for item in labels.items() if item[0] not in {label, "__name__"})
            result.append((labels.get(label, ""), tuple(others), values))
        return result

    async def evaluated(self, evaluate: Callable[[Points], T]) -> T:
        """Return the result of a function once it has all points that it asks for; after an error, it has none."""
        points: dict[tuple[str, range], dict[str, Mapping[str, Values]]] = defaultdict(dict)
        missing: dict[tuple[str, range], set[str]] = defaultdict(set)

        def known(target: str, pattern: str, times: range) -> Mapping[str, Values]:
            if target not in points[pattern, times]:
                missing[pattern, times].add(target)
            return points[pattern, times].get(target, {})

        result = evaluate(known)
        while missing:
            try:
                found = await asyncio.gather(*(self._points(targets, *key) for key, targets in missing.items()))
            except MetricsError as error:
                LOG.error("the state of a rule is unknown: %s", error)  # noqa: TRY400 -- not a bug
                return evaluate(lambda *_: {})
            for (key, targets), values in zip(missing.items(), found, strict=True):
                points[key].update({target: values.get(target, {}) for target in targets})
            missing.clear()
            result = evaluate(known)
        return result

    async def _points(self, targets: Collection[str], pattern: str, times: range) -> dict[str, dict[str, Values]]:
        """Return the values of metrics that match a pattern, by target, then by labels with name."""
        labels, _, name_pattern = pattern.rpartition("}")
        names = [name for name in await self.names(targets, times) if matches(self._name_here(name_pattern), name)]
        if len(names) > MOST_MATCHED:
            raise MetricsError(422, f"{{}} stands for more than {MOST_MATCHED} metrics", pattern)
        points: dict[str, dict[str, Values]] = defaultdict(dict)
        answers = await asyncio.gather(*(self.series(targets, name, times) for name in names))
        for name, found in zip(names, answers, strict=True):
            is_status = name_pattern.endswith(STATUS) and name != AGENT_STATUS
            shown = name.removesuffix(self._name_here(STATUS)) + STATUS if is_status else name
            # a series that ended counts unless its target has a current one of the metric
            current = {target for target, _, values in found if times[-1] in values}
            for target, others, values in found:
                key = json.dumps(dict(others)) + shown if others else shown
                if (times[-1] in values or target not in current) and (not labels or key == pattern):
                    points[target][key] = values
        return points

    def _matchers(self, targets: Iterable[str]) -> list[str]:
        """Return matchers of the agent label that together match all targets, each short enough for a URL."""
        patterns: list[str] = []
        for target in sorted(map(re.escape, targets)):
            if not patterns or len(quote(f"{patterns[-1]}|{target}")) > MATCHED:
                patterns.append(target)
            else:
                patterns[-1] += f"|{target}"
        return [f"{self._source.agent_label}=~{_quote(pattern)}" for pattern in patterns]

    async def _fetch_targets(self) -> None:
        moment, label = self._now(), self._source.agent_label
        now, before = int(moment.timestamp()), moment - timedelta(seconds=PERIOD)
        by = f"max by ({','.join((label, *self._source.tag_labels))})"
        names, rows = await asyncio.gather(
            self._request(f"label/{label}/values", {"start": now - PERIOD, "end": now}),
            self._request("query", {"query": f"{by} (up) or {by} (target_info)", "time": now}),
        )
        tags: dict[str, set[str]] = {name: set() for name in _texts(names)}
        online = set()
        for labels, row in _result(rows, "vector"):
            target = labels.pop(label, "")
            tags.setdefault(target, set()).update(filter(None, labels.values()))
            online |= {target} if any(_values([row.get("value")]).values()) else set()
        tags.pop("", None)
        self.known = {name: Target(name, (*sorted(tags[name]),), moment if name in online else before) for name in tags}

    def _cached(self, key: str, fetch: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Return a new task that fetches, or a cached one. Callers share it, so they must shield it."""
        clock, cached = asyncio.get_running_loop().time, self._cache.get(key)
        if cached and clock() < cached[1]:
            return cached[0]

        def done(task: asyncio.Task[T]) -> None:
            failure = None if task.cancelled() else task.exception()
            if failure:
                LOG.error("%s", failure)
            if key == TARGETS:
                self.failure = failure
            self._cache[key] = task, clock() + self._source.cached_seconds * (3 if failure else 1)
            for oldest in [*self._cache][:-MOST_CACHED]:
                del self._cache[oldest]

        task = asyncio.create_task(fetch())
        task.add_done_callback(done)
        self._cache[key] = task, math.inf
        return task

    async def _request(self, path: str, parameters: Mapping[str, str | int]) -> Any:
        """Send a request and return the data of the answer; raise MetricsError if there is none."""
        try:
            async with asyncio.timeout(self._source.seconds), self._slots:
                status, body = await self._exchange(path, {name: str(value) for name, value in parameters.items()})
            answer = json.loads(body)
        except TimeoutError:
            reason = f"the metrics server at {{}} has not answered within {self._source.seconds:g} s"
            raise MetricsError(503, reason, self._origin) from None
        except PyreqwestError as error:
            reason = "the metrics server at {} cannot be reached, or breaks the connection: {}"
            raise MetricsError(503, reason, self._origin, type(error).__name__) from None
        except (ValueError, RecursionError):
            answer = None
        answer = answer if isinstance(answer, dict) else {"error": "no answer of the API"}
        if status == OK and answer.get("status") == "success":
            return answer.get("data")
        text, (user, password) = str(answer.get("error")), self._login
        for secret in (b64encode(f"{user}:{password}".encode()).decode(), password, quote(password, safe="")):
            text = text.replace(secret, "***") if password else text  # the metrics server may quote the request
        reason = f"the metrics server answers with status {status}: {{}}"
        raise MetricsError(503 if status in BUSY else 502, reason, text[:SHOWN])

    async def _exchange(self, path: str, parameters: dict[str, str]) -> tuple[int, bytes]:
        url, client = f"{self._base}/{path}", self._client
        request = client.post(url).form(parameters) if "query" in parameters else client.get(url).query(parameters)
        if any(self._login):
            request = request.basic_auth(*self._login)
        body = bytearray()
        async with request.build_streamed() as response:
            while (chunk := await _chunk(response)) is not None:
                body += chunk
                if len(body) > self._source.answer_bytes:
                    raise MetricsError(502, "an answer of the metrics server is too large; ask for less")
            return response.status, bytes(body)


async def _chunk(response: Response) -> Bytes | None:
    """Read a chunk; raise a cancellation, as at a time-out, in whose place pyreqwest delivers a chunk that is ready.

    No task that was cancelled before begins to read, so that any cancellation is one of this read.
    """
    try:
        return await response.body_reader.read_chunk()
    finally:
        if cast("asyncio.Task[Any]", asyncio.current_task()).cancelling():
            raise asyncio.CancelledError


def _undocumented() -> MetricsError:
    return MetricsError(502, "an answer of the metrics server has not the documented form")


def _texts(value: object) -> list[str]:
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    if texts != value or _SURROGATE.search("".join(texts)):  # the server's own responses cannot hold half a pair
        raise _undocumented()
    return texts


def _result(data: object, kind: str) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield each series of a result, after its labels."""
    rows = data.get("result") if isinstance(data, dict) and data.get("resultType") == kind else None
    for row in rows if isinstance(rows, list) else [None]:
        labels = row.get("metric") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(labels, dict):
            raise _undocumented()
        _texts([*labels, *labels.values()])
        yield {**labels}, row


def _values(pairs: Any) -> dict[int, float]:
    """Return values by time, without infinity and NaN, which JSON lacks."""
    try:
        values = {int(time): float(value) for time, value in pairs}
    except (TypeError, ValueError, OverflowError):
        raise _undocumented() from None
    return {
        time: int(value) if value.is_integer() and abs(value) < EXACT else value
        for time, value in values.items()
        if math.isfinite(value)
    }
