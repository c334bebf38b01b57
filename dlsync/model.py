"""The nouns that the steps hand to each other: values only, frozen, without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias

Json: TypeAlias = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Path: TypeAlias = tuple[str | int, ...]
Document: TypeAlias = Mapping[str, Json] | Callable[[], Mapping[str, Json]]
Action = Literal["create", "update", "delete"]
Cause = Literal["repo", "drift", "conflict", "new"]
Side = Literal["repo", "live"]
# who moved a field since it was last applied; "kept": nobody, it has differed since then
ChangedBy = Literal["repo", "drift", "conflict", "kept"]
Op = Literal["add", "remove", "replace"]
# "changed": both sides come from the same references, with other values; "unknown": what is live, where a secret is to
# be, is another than dlsync ever put there
Masked = Literal["changed", "unknown"]
Severity = Literal["error", "warning"]
Result = Literal["applied", "failed", "skipped"]

# WHATWG URL, "path state": a segment of these is removed, percent-encoded too, so no URL can hold such a name
DOT_NAMES = frozenset({".", ".."})


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """What a resource is called: ``dashboard/redis``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """What to sort thousands of addresses by: the same order, without a call for each comparison."""
        return self.kind, self.name


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the files.

    :param file: relative to the tree, POSIX style; empty where no file is meant.
    :param line: from 1; ``column`` likewise.
    """

    severity: Severity
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" if place else self.message

    def as_document(self) -> dict[str, Json]:
        """Return the problem as JSON has it; file, line and column are null where unknown."""
        return {
            "severity": self.severity,
            "file": self.file or None,
            "line": self.line,
            "column": self.column,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Resource:
    """One dashboard, rule or plugin, as the files or the server have it.

    :param given: what it means, or what makes that anew: thousands of parsed documents are not held in memory.
    :param body: the bytes that stand for it: those to send, or what the server answered.
    :param file: where it was read from, relative to the tree; empty for a live one.
    :param written: the document as the file has it, where references or overlays make it mean another.
    :param source: the file's own bytes, where those to send are others.
    :param secrets: values from the environment that are in the document, each with its reference.
    :param overlay: what the chosen environment lays over the file.
    :param etag: what the server calls this version of a live one; empty where it does not say.
    :param unreadable: why the body of a live one cannot be read, so that it has no document; empty where it can.
    """

    address: Address
    given: Document
    body: bytes = b""
    file: str = ""
    written: Mapping[str, Json] | None = None
    source: bytes | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    overlay: Overlay | None = field(default=None, repr=False)
    etag: str = field(default="", compare=False, repr=False)
    unreadable: str = ""

    @property
    def document(self) -> Mapping[str, Json]:
        """What it means, perhaps made anew: who needs it often keeps it. A plugin's has its text under ``content``."""
        return self.given() if callable(self.given) else self.given

    @property
    def spelled(self) -> Mapping[str, Json]:
        """The document as its file has it, references and all."""
        return self.document if self.written is None else self.written

    @property
    def text(self) -> bytes:
        """The file's own bytes."""
        return self.body if self.source is None else self.source

    @property
    def kind(self) -> str:
        """The kind's name, singular."""
        return self.address.kind

    @property
    def name(self) -> str:
        """The name, unencoded."""
        return self.address.name


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs, at the smallest path.

    :param path: keys and list positions in the file's own document (for ``remove``: in the live one).
    :param before: live; None for ``add``.
    :param after: desired; None for ``remove``.
    :param line: in the change's file, from 1.
    :param moved: an item of an ordered list that only stands elsewhere; both sides are ``{"index": n}``.
    :param mover: who moved it since it was last applied; None where that is not known.
    :param masked: why the two sides say less than there is to say, for the sake of a secret.
    :param outline: what is added or removed, in sentences for a person.
    """

    path: Path
    op: Op
    before: Json = None
    after: Json = None
    line: int | None = None
    moved: bool = False
    mover: ChangedBy | None = None
    masked: Masked | None = None
    outline: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where an item is drawn on its kind's grid: cells, rows and columns from 1."""

    row: int
    column: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list for a person: in a sentence, and where its kind draws it, as a rectangle.

    :param label: what sort of item it is.
    :param place: None where it is not drawn.
    """

    sentence: str
    title: str = ""
    label: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item of a list on both sides of a change, which may be equal.

    :param section: the field that holds the list.
    :param before: None where it is added; ``after`` where it is removed.
    :param is_changed: whether the sides differ in more than the place.
    """

    section: str
    before: Item | None
    after: Item | None
    is_changed: bool = False

    @property
    def mark(self) -> str:
        """How the item differs: ``moved and changed`` for example; empty where it does not."""
        if self.before is None or self.after is None:
            return "added" if self.after else "removed"
        moved, changed = self.before.place != self.after.place, self.is_changed
        return " and ".join(word for word, holds in (("moved", moved), ("changed", changed)) if holds)


@dataclass(frozen=True)
class Entry:
    """What was applied of one resource.

    :param applied: the canonical form of what the files said, digested.
    :param live: that of what was then live, where hand edits were kept beside it; None: the same.
    :param secrets: the digests of texts that came from secrets, each with its spelling.
    :param fingerprint: of the resource's bytes in the files.
    """

    applied: Mapping[str, Json]
    live: Mapping[str, Json] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def seen(self) -> Mapping[str, Json]:
        """What was live after the apply, digested."""
        return self.applied if self.live is None else self.live


@dataclass(frozen=True)
class Patched:
    """A base with an overlay over it.

    :param origins: by path in the document, the path in the overlay of what came from it; also of what it removed.
    :param appended: the paths of list items that only the overlay has.
    :param faults: by path in the overlay, what it cannot mean.
    """

    document: dict[str, Json]
    origins: Mapping[Path, Path] = field(default_factory=dict)
    appended: frozenset[Path] = frozenset()
    faults: tuple[tuple[Path, str], ...] = ()

    def origin(self, path: Path) -> Path | None:
        """Return the place in the overlay that a path of the document comes from; None where it is the base's."""
        for length in range(len(path), 0, -1):
            if (found := self.origins.get(path[:length])) is not None:
                return (*found, *path[length:])
        return None

    def origin_of(self, difference: FieldChange) -> Path | None:
        """Return the same for what differs; a live item that the document lacks belongs to its list."""
        path = difference.path
        lacking = difference.op == "remove" and isinstance(path[-1], int)
        return self.origin(path[:-1] if lacking else path)


@dataclass(frozen=True)
class Overlay:
    """An overlay as it lies over one resource.

    :param file: relative to the tree; ``content`` are its bytes.
    :param document: as the file has it, references and all; ``base`` likewise.
    :param laid: both together.
    :param meant: what a value of either stands for.
    """

    file: str
    content: bytes = field(repr=False)
    document: Mapping[str, Json]
    base: Mapping[str, Json]
    laid: Patched
    meant: Callable[[Json], Json] = field(default=lambda value: value, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """Create, update or delete of one resource, and once applied, how that went.

    :param held: why an apply leaves it alone until somebody decides; empty where it does not.
    :param kept: what differs and stays as it is live, since it was changed there and the files changed elsewhere.
    :param renamed: the name of the resource that it is a rename of (create) or that is its rename (delete).
    :param uncertain: whether a change that failed may have been carried out all the same.
    :param items: works out the items of its lists on both sides, changed or not; few formats show them.
    """

    address: Address
    action: Action
    cause: Cause
    file: str = ""
    line: int | None = None
    diff: tuple[FieldChange, ...] = ()
    result: Result | None = None
    error: str = ""
    held: str = ""
    kept: tuple[FieldChange, ...] = ()
    renamed: str = ""
    uncertain: bool = False
    items: Callable[[], tuple[ItemChange, ...]] = field(default=tuple, compare=False, repr=False)

    @property
    def outcome(self) -> str:
        """The result in words: ``unknown`` where it failed and may have been carried out all the same."""
        return "unknown" if self.uncertain else self.result or ""

    def finished(self, result: Result, error: str = "", *, uncertain: bool = False) -> ResourceChange:
        """Return this change with the outcome of applying it."""
        return replace(self, result=result, error=error, uncertain=uncertain)


@dataclass(frozen=True, slots=True)
class Target:
    """The account that a plan is for."""

    url: str
    org: str
    account: str

    def __str__(self) -> str:
        return f"{self.org}/{self.account} at {self.url}"


@dataclass(frozen=True)
class Plan:
    """The changes in the order in which they are applied; falsy when there is nothing to do.

    :param commit: of the tree, where it is in a git repository; empty otherwise.
    :param unchanged: how many desired resources are live already.
    :param adopted: those of them that are not managed yet, and will be.
    :param kept: those that differ from their files in what was changed on the server, and stay so.
    :param refused: why an apply refuses the plan, each in sentences that say what to do.
    :param unrestored: the resources of which a rollback cannot restore a field, since no journal has its value.
    :param reverts: the run that it is the rollback of; empty for none.
    """

    target: Target
    changes: tuple[ResourceChange, ...] = ()
    unchanged: int = 0
    commit: str = ""
    warnings: tuple[Problem, ...] = field(default=())
    adopted: tuple[Address, ...] = ()
    kept: tuple[Address, ...] = ()
    refused: tuple[str, ...] = ()
    unrestored: tuple[Address, ...] = ()
    reverts: str = ""

    def __bool__(self) -> bool:
        return bool(self.changes)

    def count(self, action: Action) -> int:
        """Return how many changes of that action an apply makes."""
        return sum(change.action == action and not change.held for change in self.changes)

    def with_changes(self, changes: Iterable[ResourceChange]) -> Plan:
        """Return this plan with its changes as they are after an apply."""
        return replace(self, changes=tuple(changes))

    def with_warnings(self, warnings: Iterable[Problem]) -> Plan:
        """Return this plan with more warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    @property
    def conflicts(self) -> int:
        """How many changes an apply leaves alone, since somebody has to decide first."""
        return sum(bool(change.held) for change in self.changes)

    @property
    def summary(self) -> dict[str, int]:
        """The counts, keyed as ``plan --format json`` prints them."""
        return {
            "create": self.count("create"),
            "update": self.count("update"),
            "delete": self.count("delete"),
            "unchanged": self.unchanged,
            "conflict": self.conflicts,
        }
