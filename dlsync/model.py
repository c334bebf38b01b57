"""The value types that all layers share: frozen, without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal, NamedTuple, TypeAlias, get_args

Json: TypeAlias = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Path: TypeAlias = tuple[str | int, ...]
Document: TypeAlias = Mapping[str, Json] | Callable[[], Mapping[str, Json]]
Action = Literal["create", "update", "delete"]
Cause = Literal["repo", "drift", "conflict", "new"]
Side = Literal["repo", "live"]
# who changed a field since it was last applied; "kept": no side, because both differed already
ChangedBy = Literal["repo", "drift", "conflict", "kept"]
Op = Literal["add", "remove", "replace"]
# "changed": same references, other values; "unknown": dlsync did not write the live value in place of a secret
Masked = Literal["changed", "unknown"]
Severity = Literal["error", "warning"]
Result = Literal["applied", "failed", "skipped"]

# WHATWG URL, "path state": such a segment is removed, even if percent-encoded, so no URL can hold such a name
DOT_NAMES = frozenset({".", ".."})


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The kind and the name of a resource, such as ``dashboard/redis``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Code(Enum):
    """The codes of findings, each with its severity and title; docs/findings.md has a section for each."""

    # in files
    INVALID_YAML = "error", "The file is not one YAML document"
    UNREADABLE_FILE = "error", "A file or folder cannot be read"
    UNRESOLVED_FILE = "error", "A file holds a merge conflict, a pointer or ciphertext"
    LINK_LOOP = "error", "A symbolic link leads back to a folder above it"
    INVALID_PATTERN = "error", "A line of .dlsyncignore is no pattern"
    NOT_A_MAPPING = "error", "The file holds something other than a mapping"
    INVALID_VALUE = "error", "A field has an invalid value"
    MISSING_FIELD = "error", "A required field is missing"
    MISSPELLED_FIELD = "error", "A required field is misspelled"
    INVALID_REFERENCE = "error", "A reference has no value, or its value does not fit"
    KEY_IN_FILE = "error", "dlsync.yaml holds an API key"
    UNKNOWN_KIND = "error", "A pattern of `protect` names no kind"
    INVALID_OVERLAY = "error", "An item of an overlay does not say which item it changes"
    SHARED_INVENTORY = "error", "Environments with different accounts have one inventory file"
    UNUSED_OVERLAY = "error", "An overlay changes no resource"
    INVALID_NAME = "error", "A name is invalid for a resource"
    RESERVED_NAME = "error", "A name is that of one of dlsync's own plugins"
    UNUSED_SETTINGS = "error", "Settings of a plugin have no script"
    MISPLACED_SETTING = "error", "A setting repeats what the script's file says"
    SECOND_FILE = "error", "Two files are for the same resource"
    SAME_BUT_CASE = "error", "The names of two files differ only in case"
    WRONG_FILE_TYPE = "error", "A file is where a folder belongs, or a folder where a file does"
    INVALID_LINK = "error", "A file of an old client's backup holds no link"
    UNREADABLE_AGENT = "warning", "An agent of an old client's backup cannot be read"
    FILE_NOT_READ = "warning", "A file or folder is not read"
    UNKNOWN_ENVIRONMENT = "warning", "A folder of overlays is for no environment"
    DOUBTFUL_PLUGIN = "warning", "A file may be no plugin, or may be unable to run"
    PACK_WITHOUT_PACKAGE = "warning", "A pack has no package.yaml"
    NO_RESOURCES = "warning", "The directory holds no resources"
    LIKELY_SECRET = "warning", "A file likely holds a secret"
    AMBIGUOUS_VALUE = "warning", "YAML 1.1 and YAML 1.2 read a value differently"
    UNKNOWN_PLUGIN = "warning", "A link refers to a plugin that the files lack"
    MISSPELLED_NAME = "warning", "A metric or tag is likely misspelled"
    ITEM_ONLY_IN_OVERLAY = "warning", "An overlay adds an item that resembles one of the file"
    LINK_WITHOUT_TAGS = "warning", "A plugin in links.yaml has no tags"
    UNKNOWN_FIELD = "warning", "A field is unknown"
    UNKNOWN_VALUE = "warning", "A value of a field is unknown"
    UNSET_REFERENCE = "warning", "A variable of the environment is not set here"
    MISSPELLED_REFERENCE = "warning", "A text resembles a reference"
    UNKNOWN_CODE = "warning", "A comment ignores a code that does not exist"
    NOT_FORMATTED = "warning", "A file cannot be formatted with its comments in place"
    # of plans, and of other comparisons of files with a server
    UNREADABLE_INVENTORY = "warning", "The inventory cannot be read"
    OTHER_DIRECTORY = "warning", "Another directory may be applied to the account"
    NOT_CHECKED_OUT = "warning", "A plan deletes something where files are not checked out"
    INCOMPLETE_LIST = "warning", "The server does not list all resources"
    MASKED_SECRET = "warning", "The server masks secrets"
    NOT_RESTORABLE = "warning", "A rollback cannot restore something"
    NOT_MANAGED = "warning", "A resource of the run is no longer managed"
    PROTECTED_RESOURCE = "warning", "A resource without a file stays, since it is protected"
    UNUSED_PATTERN = "warning", "A pattern of `protect` matches nothing"
    ALREADY_DELETED = "warning", "A resource to delete does not exist"
    MUTED_RULE = "warning", "A change affects a muted rule"
    UNKNOWN_LIVE_FIELD = "warning", "The server has a field that no schema knows"
    NO_DEFAULT = "warning", "A field was removed from its file and stays live"
    KEPT_EDIT = "warning", "An edit on the server stays"
    REVERTED_EDIT = "warning", "An edit on the server is reverted"
    STILL_USED = "warning", "A resource uses the metrics of one that is deleted"
    DANGLING_REFERENCE = "warning", "A resource refers to one that will not exist"
    DUPLICATE_RESOURCE = "warning", "The server has a resource more than once"
    UNREADABLE_ANSWER = "warning", "A live resource cannot be read"
    ACCOUNT_LOCKED = "warning", "The account is locked"
    NOT_EXPORTED = "error", "A resource could not be exported"
    NOT_APPLIED = "warning", "A file is not applied yet, so its live version is not committed"
    NOT_IN_PLAN = "warning", "A saved plan lacks a change that the files ask for"
    REPLACED_REFERENCE = "warning", "An export replaces a reference by its value"
    SHARED_FILE = "warning", "An export changes a file of another environment too"
    UNVERIFIED_REFERENCE = "warning", "A reference in an export comes from the inventory"
    NOT_ANNOTATED = "warning", "No annotation was posted"
    NOT_JOURNALED = "warning", "The journal lacks the outcome of a run"
    NOT_RECORDED = "error", "The inventory lacks what was applied"
    # results of commands, in the formats for findings
    PLAN_REFUSED = "error", "An apply refuses the plan"
    CHANGE_HELD = "error", "An apply skips a change until a user decides"
    RESOURCE_DELETED = "warning", "An apply deletes a resource"
    CHANGED_ON_SERVER = "error", "A resource was changed on the server"
    RUN_FAILED = "error", "The command failed"

    def __init__(self, severity: Severity, title: str) -> None:
        self.severity, self.title = severity, title

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning, of the files or of a plan.

    :param file: relative to the tree, with slashes; empty for none.
    :param line: from 1; ``column`` likewise.
    """

    code: Code
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None

    @property
    def severity(self) -> Severity:
        """The severity of the code."""
        return self.code.severity

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" if place else self.message

    def as_document(self) -> dict[str, Json]:
        """Return the problem as JSON; file, line and column are null if unknown."""
        return {
            "severity": self.severity,
            "code": str(self.code),
            "file": self.file or None,
            "line": self.line,
            "column": self.column,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource in the files or on the server.

    :param given: the effective document, or a function that parses it, so that thousands are not held in memory.
    :param body: the bytes to send, or those that the server answered.
    :param file: relative to the tree; empty for a live resource.
    :param written: the document as the file has it, if references or overlays change it.
    :param source: the bytes of the file, if others are sent.
    :param secrets: the values of the environment in the document, each with its reference.
    :param overlay: the overlay of the chosen environment.
    :param etag: the server's identifier of this version; empty if it has none.
    :param unreadable: why the body of a live resource cannot be read, so that it has no document; empty if it can.
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
        """The effective document, perhaps parsed at each access. A plugin's has its text under ``content``."""
        return self.given() if callable(self.given) else self.given

    @property
    def spelled(self) -> Mapping[str, Json]:
        """The document as its file has it, with references."""
        return self.document if self.written is None else self.written

    @property
    def text(self) -> bytes:
        """The bytes of the file."""
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
    """A field that differs, at the deepest path.

    :param path: keys and list positions in the document of the file; for ``remove``, in the live document.
    :param before: the live value; None for ``add``.
    :param after: the desired value; None for ``remove``.
    :param line: in the change's file, from 1.
    :param moved: whether an item of an ordered list only changed its position; both sides are ``{"index": n}``.
    :param mover: who changed it since it was last applied; None if unknown.
    :param masked: why both sides hide a secret.
    :param outline: the added or removed value in sentences.
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
    """The place of an item on the grid of its kind, in cells; rows and columns count from 1."""

    row: int
    column: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list for display, in a sentence; if its kind draws items, also as a rectangle.

    :param label: the type of the item.
    :param place: None if it is not drawn.
    """

    sentence: str
    title: str = ""
    label: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item of a list on both sides of a change, which may be equal.

    :param section: the field that holds the list.
    :param before: None if it is added; ``after``: None if it is removed.
    :param is_changed: whether the sides differ in more than the place.
    """

    section: str
    before: Item | None
    after: Item | None
    is_changed: bool = False

    @property
    def mark(self) -> str:
        """How the item differs, such as ``moved and changed``; empty if it does not."""
        if self.before is None or self.after is None:
            return "added" if self.after else "removed"
        moved, changed = self.before.place != self.after.place, self.is_changed
        return " and ".join(word for word, holds in (("moved", moved), ("changed", changed)) if holds)


@dataclass(frozen=True)
class Entry:
    """The record of what was last applied of a resource, as digests.

    :param applied: of the canonical form in the files.
    :param live: of the canonical form on the server, if edits there were kept; None if it was the same.
    :param secrets: the digests of texts with secrets, each with its spelling.
    :param fingerprint: of the resource's bytes in the files.
    """

    applied: Mapping[str, Json]
    live: Mapping[str, Json] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def seen(self) -> Mapping[str, Json]:
        """The digests of the live form after the apply."""
        return self.applied if self.live is None else self.live


@dataclass(frozen=True)
class Patched:
    """A document with an overlay applied.

    :param origins: the path in the overlay for each path of the document that the overlay set or removed.
    :param appended: the paths of list items that only the overlay has.
    :param faults: the errors of the overlay, each with its path there.
    """

    document: dict[str, Json]
    origins: Mapping[Path, Path] = field(default_factory=dict)
    appended: frozenset[Path] = frozenset()
    faults: tuple[tuple[Path, str], ...] = ()

    def origin(self, path: Path) -> Path | None:
        """Return the path in the overlay of a value of the document; None if the base has set the value."""
        for length in range(len(path), 0, -1):
            if (found := self.origins.get(path[:length])) is not None:
                return (*found, *path[length:])
        return None

    def origin_of(self, difference: FieldChange) -> Path | None:
        """Return the same for a difference; a live item that the document lacks counts as its list."""
        path = difference.path
        lacking = difference.op == "remove" and isinstance(path[-1], int)
        return self.origin(path[:-1] if lacking else path)


@dataclass(frozen=True)
class Overlay:
    """An overlay of one resource.

    :param file: relative to the tree; ``content``: its bytes.
    :param document: as written in the overlay, with references; ``base``: as written in the resource's own file.
    :param patched: the base with the overlay applied.
    :param resolve: replaces the references in a value.
    """

    file: str
    content: bytes = field(repr=False)
    document: Mapping[str, Json]
    base: Mapping[str, Json]
    patched: Patched
    resolve: Callable[[Json], Json] = field(default=lambda value: value, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """Create, update or delete of one resource, and after an apply, its result.

    :param held: why an apply skips it until a user decides; empty if it does not.
    :param kept: the differences in which the live value stays, because it was changed there and not in the files.
    :param renamed: the other name of a renamed resource: the old name for a create, the new name for a delete.
    :param uncertain: whether a failed change may have been carried out.
    :param items: computes the items of its lists on both sides, changed or not; few formats show them.
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
        """The result in words; ``unknown`` if it failed and may have been carried out."""
        return "unknown" if self.uncertain else self.result or ""

    def finished(self, result: Result, error: str = "", *, uncertain: bool = False) -> ResourceChange:
        """Return the change with its result."""
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
    """The changes in the order of an apply; falsy if there are none.

    :param commit: of the tree; empty outside a git repository.
    :param unchanged: the number of resources without a change.
    :param adopted: those of them that become managed.
    :param kept: those of them that keep edits made on the server.
    :param refused: why an apply refuses the plan, each with what to do.
    :param unrestored: the resources with a field that a rollback cannot restore, because no journal has its value.
    :param reverts: the run that the plan rolls back; empty for none.
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
        """Return the number of changes with an action that an apply makes."""
        return sum(change.action == action and not change.held for change in self.changes)

    def with_changes(self, changes: Iterable[ResourceChange]) -> Plan:
        """Return the plan with the changes after an apply."""
        return replace(self, changes=tuple(changes))

    def with_warnings(self, warnings: Iterable[Problem]) -> Plan:
        """Return the plan with more warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    @property
    def conflicts(self) -> int:
        """The number of changes that an apply skips until a user decides."""
        return sum(bool(change.held) for change in self.changes)

    @property
    def summary(self) -> dict[str, int]:
        """The counts, keyed as ``plan --format json`` prints them."""
        counts = {action: self.count(action) for action in get_args(Action)}
        return {**counts, "unchanged": self.unchanged, "conflict": self.conflicts}
