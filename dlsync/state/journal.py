"""The journal of a run: what was on the server before each write, so that a rollback can restore it.

One file for each run, one JSON document in each line: the run, the state before each change, what is sent, the results,
the end. It holds no secrets.
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dlsync import messages
from dlsync.errors import DlsyncError
from dlsync.files.directory import Directory, reason
from dlsync.model import Address, Json, ResourceChange, Target
from dlsync.state.inventory import parse_address

FOLDER = Path(".dlsync", "runs")
FORMAT_VERSION = 1
_SUFFIX = ".jsonl"
_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_RANDOM = -1  # the last digit of a run's name
_UNSENT = "nothing was sent, since it could not be reverted"
NOTHING: Mapping[Address, str] = MappingProxyType({})
_HINT = "Name another folder with --journal DIR."


@dataclass(frozen=True)
class Run:
    """What a run is about.

    :param id: such as ``20261125T101010Z-1a2b3c``; later runs sort behind earlier ones.
    :param salt: of the digests in the journal, hexadecimal.
    :param takes_back: the run that this rollback reverts; empty for an apply.
    :param planned: how many changes its plan has; 0 where its journal is older than this field.
    :param saved_plan: the saved plan that it carried out, as its file identifies it; empty for none.
    """

    id: str
    command: str
    started: str
    url: str
    org: str
    account: str
    environment: str = ""
    commit: str = ""
    by: str = ""
    salt: str = ""
    takes_back: str = ""
    planned: int = 0
    saved_plan: str = ""


@dataclass(frozen=True)
class UndoRecord:
    """What a rollback needs of one change, stored before the change is sent.

    :param before: the resource as it was, with sealed secrets; None where there was none.
    :param applied: the inventory's entry of what was sent, packed; empty for a delete.
    :param entry: the inventory's entry before the change, packed; empty where there was none.
    :param unkept: the fields of which ``before`` has the reference instead of a value that was likely a secret.
    """

    address: Address
    action: str
    before: Mapping[str, Json] | None
    applied: str = ""
    entry: str = ""
    managed: bool = False
    released: bool = False
    unkept: tuple[str, ...] = ()


@dataclass
class RunLog:
    """A run as its journal has it.

    :param undo: what a rollback needs, by address.
    :param results: how changes ended, by address; a change without a result was interrupted.
    """

    run: Run
    undo: dict[Address, UndoRecord] = field(default_factory=dict)
    results: dict[Address, str] = field(default_factory=dict)
    ended: bool = False
    sent: set[Address] = field(default_factory=set)

    @property
    def target(self) -> Target:
        """The account that the run changed."""
        return Target(self.run.url, self.run.org, self.run.account)

    @property
    def has_effect(self) -> bool:
        """Whether the run may have changed something: a change that failed may have taken effect in part."""
        return any(self.results.get(address) != "skipped" for address in self.undo)

    @property
    def is_complete(self) -> bool:
        """Whether it ended with all changes applied."""
        return self.ended and all(how == "applied" for how in self.results.values())

    @property
    def uncertain(self) -> int:
        """How many changes were sent without a known outcome."""
        return sum(self.results.get(address, "unknown") == "unknown" for address in self.sent)


def new_id(now: datetime, folder: Path) -> str:
    """Return the name of a run that starts now, in UTC; it sorts behind the runs in a folder."""
    # five digits hold the microseconds, so that two runs of one second are in order too
    second, micro = f"{now:%Y%m%dT%H%M%SZ}-", now.microsecond
    with suppress(DlsyncError):  # what cannot be read cannot be written either, which says so
        latest = next(iter(_ids(folder)), "")
        if latest[:_RANDOM] >= f"{second}{micro:05x}":  # the clock was set back since
            second, micro = latest[: len(second)], min(int(latest[len(second) : _RANDOM], 16) + 1, 0xFFFFF)
    return f"{second}{micro:05x}{secrets.token_hex(1)[:1]}"


def is_id(text: str) -> bool:
    """Whether a text is the id of a run."""
    return _RUN.fullmatch(text) is not None


def default_folder(root: Path) -> Path:
    """Return the folder of journals in a tree; raise a DlsyncError if a symbolic link leads out of the tree."""
    if not Directory(root).holds(str(FOLDER)):
        raise DlsyncError(f"{root / FOLDER} leads outside {root}; nothing was sent", hint=_HINT)
    return root / FOLDER


class Journal:
    """Writes the journal of one run; the first write makes its file.

    :ivar in_flight: the changes that were sent and have no outcome yet.
    :ivar outcomes: the other changes that were sent.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        self._file = folder / f"{run.id}{_SUFFIX}"
        self.run = run
        self.in_flight: set[Address] = set()
        self.outcomes: list[ResourceChange] = []
        self._begun = False

    def begin(self) -> None:
        """Record that a run with changes begins; if that cannot be written, :meth:`keep` fails and says so."""
        if self.run.planned:
            with suppress(DlsyncError):
                self._write(self._head())

    def keep(self, changes: Iterable[UndoRecord]) -> None:
        """Store what a rollback needs; it is on the disk when this returns.

        :raises DlsyncError: it cannot be written, so nothing may be sent.
        """
        lines = [{"change": {**asdict(one), "address": str(one.address)}} for one in changes]
        try:
            if lines:
                self._write([*self._head(), *lines])
        except DlsyncError as error:
            raise DlsyncError(f"{error.message}; {_UNSENT}", hint=error.hint) from error

    def sending(self, address: Address) -> None:
        """Record that a change is sent now. The line survives the end of the process, but not that of the machine.

        :raises DlsyncError: it cannot be written.
        """
        self._write([{"sent": str(address)}], durable=False)
        self.in_flight.add(address)

    def finished(self, change: ResourceChange) -> None:
        """Record the outcome of a change that was sent; see :meth:`sending`."""
        self.in_flight.remove(change.address)
        self.outcomes.append(change)
        self._write([{"result": str(change.address), "how": change.outcome}], durable=False)

    def note(
        self, changes: Iterable[ResourceChange], applied: Mapping[Address, str] = NOTHING, *, ended: bool = True
    ) -> None:
        """Record how changes ended; if that cannot be written, the next plan asks the server.

        :param applied: the inventory's entries, packed, of what the server did not keep as it was sent.
        :param ended: False where the run was interrupted.
        :raises DlsyncError: it cannot be written.
        """
        lines = [
            {"result": str(one.address), "how": one.outcome, "error": one.error}
            | ({"applied": applied[one.address]} if one.address in applied else {})
            for one in changes
        ]
        if self._begun:
            self._write([*lines, {"end": ended}])

    def _head(self) -> list[dict[str, Any]]:
        return [] if self._begun else [{"format_version": FORMAT_VERSION, "run": asdict(self.run)}]

    def _write(self, lines: Iterable[Mapping[str, Any]], *, durable: bool = True) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        try:
            if not self._begun:
                _make_folder(self._file.parent)
            opened = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with open(opened, "a", encoding="utf-8") as stream:  # noqa: PTH123 - Path.open cannot set the mode of a new file
                stream.write(text)
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
        except OSError as error:
            raise DlsyncError(f"the journal {self._file} cannot be written: {error.strerror}", hint=_HINT) from error
        self._begun = True


def _make_folder(folder: Path) -> None:
    """Make a folder of journals; git ignores the one in a tree."""
    folder.mkdir(parents=True, exist_ok=True)
    ignored = folder.parent / ".gitignore"
    if folder.parts[-2:] == FOLDER.parts and not ignored.exists():
        ignored.write_text("*\n")


def history(folder: Path) -> list[RunLog]:
    """Return the runs that a folder of journals has, the latest first; other files are left out.

    :raises DlsyncError: the folder cannot be read.
    """
    return [log for log in (read(folder, name) for name in _ids(folder)) if log]


def _ids(folder: Path) -> list[str]:
    try:
        names = sorted((path.stem for path in folder.iterdir() if path.suffix == _SUFFIX), reverse=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DlsyncError(f"the journals in {folder} cannot be read: {error.strerror}", hint=_HINT) from error
    return [name for name in names if is_id(name)]


def deletes(folder: Path, target: Target) -> set[Address]:
    """Return the resources that the runs of a folder deleted from an account; raises as :func:`history`."""
    changes = (change for one in history(folder) if one.target == target for change in one.undo.values())
    return {change.address for change in changes if change.action == "delete"}


def find_run(folder: Path, name: str) -> RunLog:
    """Return the run of an id; raise a DlsyncError if the folder has none."""
    log = read(folder, name) if is_id(name) else None
    if log is None:
        raise DlsyncError(f"no run in {folder} has the id {messages.brief(name)}", hint="`dlsync history` lists them.")
    return log


def read(folder: Path, name: str) -> RunLog | None:
    """Return a run without a line that was cut off; None if it has no journal, or one without a beginning.

    :raises DlsyncError: the journal cannot be read.
    """
    try:
        lines = list(_lines(Directory(folder).read(f"{name}{_SUFFIX}", sys.maxsize)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DlsyncError(f"the journal of {name} in {folder} {reason(error)}", hint=_HINT) from error
    try:
        log = RunLog(Run(**lines[0]["run"]))
        for line in lines[1:]:
            _add_line(log, line)
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    return log


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            return


def _add_line(log: RunLog, line: Mapping[str, Any]) -> None:
    if change := line.get("change"):
        address = parse_address(change["address"])
        log.undo[address] = UndoRecord(**{**change, "address": address, "unkept": tuple(change.get("unkept", ()))})
    elif name := line.get("sent"):
        log.sent.add(parse_address(name))
    elif name := line.get("result"):
        address = parse_address(name)
        log.results[address] = line["how"]
        if "applied" in line:
            log.undo[address] = replace(log.undo[address], applied=line["applied"])
    else:
        log.ended = bool(line.get("end"))
