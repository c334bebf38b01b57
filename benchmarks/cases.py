"""The cases: what is measured, against what, and the targets."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.processes import HERE, Command
from benchmarks.stage import CONNECTIONS, DLSYNC

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.stage import Server, Stage

LATENCY = 0.02
_SMALL, _WHOLE, _LARGE = 0.01, 1, 10
_CHANGES = 2
# three lists, of which the server has one; an operation that it lacks; the inventory; the lock
_REQUESTS = 3_000 + 6
_LISTS = 3 + 1


@dataclass(frozen=True)
class Case:
    """The two commands of a row of the table.

    :param against: describes the floor.
    :param target: the highest ratio of the times.
    :param megabytes: the highest peak of memory; None for any.
    :param requests: the highest number of requests, without writes; None for any number, and writes.
    :param server: counts the requests.
    :param prepare: called before each run of dlsync; ``prepare_floor`` before each run of the floor, which comes first.
    :param note: appended to the verdict.
    """

    against: str
    target: float
    ours: Command
    floor: Command
    megabytes: float | None = None
    requests: int | None = None
    server: Server | None = None
    prepare: Callable[[], object] = lambda: None
    prepare_floor: Callable[[], object] = lambda: None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    :param quick: the rounds with ``--quick``; 0 for none.
    :param make: creates the case, with its trees and servers.
    """

    what: str
    quick: int
    make: Callable[[Stage], Case]


def _plan(stage: Stage) -> Case:
    server = stage.server(_WHOLE, latency=LATENCY, documented_only=True)
    ours, floor = _plans(stage.tree(_WHOLE), server), _fetches(stage.urls(_WHOLE, server))
    return Case("GETs of the same", 1.25, ours, floor, requests=_REQUESTS, server=server, prepare=server.forget_cache)


def _plan_at_once(stage: Stage) -> Case:
    server = stage.server(_WHOLE, latency=0, documented_only=True)
    ours, floor = _plans(stage.tree(_WHOLE), server), _fetches(stage.urls(_WHOLE, server))
    return Case("GETs of the same", 2.5, ours, floor, requests=_REQUESTS, server=server, prepare=server.forget_cache)


def _plan_rewritten(stage: Stage) -> Case:
    server = stage.server(_WHOLE, latency=LATENCY, documented_only=True, rewrites=True)
    ours, floor = _plans(stage.tree(_WHOLE), server), _fetches(stage.urls(_WHOLE, server))
    return Case("GETs of the same", 1.3, ours, floor, requests=_REQUESTS, server=server, prepare=server.forget_cache)


def _plan_small(stage: Stage) -> Case:
    server = stage.server(_SMALL, latency=LATENCY, documented_only=True)
    floor = _script("floor_small.py", stage.urls(_SMALL, server), CONNECTIONS)
    ours = _plans(stage.tree(_SMALL), server)
    return Case("typer and httpx2 GET the same", 1.3, ours, floor, server=server, prepare=server.forget_cache)


def _plan_again(stage: Stage) -> Case:
    server = stage.server(_WHOLE, latency=LATENCY, documented_only=False)
    command = _plans(stage.tree(_WHOLE), server)
    return Case(
        "its first run",
        0.5,
        ours=command,
        floor=command,
        requests=_LISTS,
        server=server,
        prepare_floor=server.forget_cache,
    )


def _apply(stage: Stage) -> Case:
    server = stage.server(0, latency=LATENCY, documented_only=True)
    tree = stage.tree(_WHOLE)
    ours = Command((DLSYNC, "apply", "--auto-approve", str(tree)), server.environment)
    floor = _script("floor_apply.py", server.account, tree, CONNECTIONS)
    against = "GETs, sends and GETs of the same"
    return Case(against, 1.3, ours, floor, server=server, prepare=server.reset, prepare_floor=server.reset)


def _export(stage: Stage) -> Case:
    server = stage.server(_WHOLE, latency=LATENCY, documented_only=False)
    place = stage.fast_folder()
    ours = Command((DLSYNC, "export", str(stage.fresh("export", place))), server.environment)
    floor = _script("floor_export.py", server.account, CONNECTIONS)
    note = "" if place == stage.folder else "into memory: the disk was slow after deletions"
    fresh = partial(stage.fresh, "export", place)
    return Case("the same requests", 1.4, ours, floor, server=server, prepare=fresh, note=note)


def _validate(stage: Stage) -> Case:
    tree = stage.tree(_WHOLE)
    ours = Command((DLSYNC, "validate", str(tree)))
    return Case("reading and parsing them", 3, ours, _script("floor_validate.py", tree))


def _large(stage: Stage) -> Case:
    large = stage.server(_LARGE, latency=LATENCY, documented_only=True)
    server = stage.server(_WHOLE, latency=LATENCY, documented_only=True)
    ours, floor = _plans(stage.tree(_LARGE), large), _plans(stage.tree(_WHOLE), server)
    return Case(
        "the plan of 3,000",
        10.5,
        ours,
        floor,
        megabytes=350,
        server=large,
        prepare=large.forget_cache,
        prepare_floor=server.forget_cache,
    )


def _changed(stage: Stage) -> Case:
    server = stage.server(_WHOLE, latency=LATENCY, documented_only=True)
    ours = _plans(stage.tree(_WHOLE, changed=True), server, _CHANGES)
    floor = _plans(stage.tree(_WHOLE), server)
    return Case(
        "the plan with none",
        1.05,
        ours,
        floor,
        server=server,
        prepare=server.forget_cache,
        prepare_floor=server.forget_cache,
    )


def _version(_: Stage) -> Case:
    return _start(1.5, "--version")


def _completion(_: Stage) -> Case:
    variables = {"_DLSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "dlsync pl", "COMP_CWORD": "1"}
    return replace(_start(2.5), ours=Command((DLSYNC,), variables))


def _completion_of_an_option(_: Stage) -> Case:
    variables = {"_DLSYNC_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "dlsync plan --o"}
    return replace(_start(2.5), ours=Command((DLSYNC,), {**variables, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}))


def _help(_: Stage) -> Case:
    return _start(1.5, "--help")


def _validate_nothing(stage: Stage) -> Case:
    return _start(2.5, "validate", str(stage.fresh("empty")))


def _start(target: float, *arguments: str) -> Case:
    imports = Command((sys.executable, "-c", "import typer"))
    return Case('`python -c "import typer"`', target, Command((DLSYNC, *arguments)), imports)


def _plans(tree: Path, server: Server, code: int = 0) -> Command:
    return Command((DLSYNC, "plan", "--detailed-exitcode", str(tree)), server.environment, code)


def _fetches(urls: Path) -> Command:
    return _script("floor.py", urls, CONNECTIONS)


def _script(name: str, *arguments: object) -> Command:
    return Command((sys.executable, str(HERE / name), *map(str, arguments)))


ROWS = (
    Row("`plan`, nothing changed, 3,000 resources, 20 ms, documented operations only", 3, _plan),
    Row("the same, server answering at once", 3, _plan_at_once),
    Row("the same, server writing YAML its own way, 20 ms", 3, _plan_rewritten),
    Row("`plan`, nothing changed, 30 resources, 20 ms", 5, _plan_small),
    Row("`plan`, nothing changed, 3,000 resources, 20 ms, lists and ETags, second run", 1, _plan_again),
    Row("`apply` that creates 3,000 resources, 20 ms", 1, _apply),
    Row("`export` of 3,000 resources into an empty folder, 20 ms, lists", 1, _export),
    Row("`validate` of 3,000 files", 5, _validate),
    Row("`plan`, nothing changed, 30,000 resources, 20 ms, at most 350 MB", 0, _large),
    Row("`plan` with one changed field among 3,000 resources, 20 ms", 1, _changed),
    Row("`dlsync --version`", 5, _version),
    Row("completion of a command in bash", 5, _completion),
    Row("completion of an option in fish", 5, _completion_of_an_option),
    Row("`dlsync --help`", 5, _help),
    Row("`dlsync validate` of an empty tree", 5, _validate_nothing),
)
