"""The nouns that the steps hand to each other: values only, frozen, without I/O."""

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
# who moved a field since it was last applied; "kept": nobody, it has differed since then
ChangedBy = Literal["repo", "drift", "conflict", "kept"]
Op = Literal["add", "remove", "replace"]
# "changed": same references, other values; "unknown": what is live in place of a secret was never put there by dlsync
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


class Code(Enum):
    """What can be wrong, each with its severity and in words; docs/findings.md has a section for each."""

    # in files
    INVALID_YAML = "error", "The file is not one YAML document"
    UNREADABLE_FILE = "error", "A file or folder cannot be read"
    UNRESOLVED_FILE = "error", "A file holds a merge conflict, a pointer or ciphertext"
    LINK_LOOP = "error", "A symbolic link leads back to a folder above it"
    INVALID_PATTERN = "error", "A line of .dlsyncignore is no pattern"
    NOT_A_MAPPING = "error", "The file holds something other than a mapping"
    INVALID_VALUE = "error", "A value is not one that its field takes"
    MISSING_FIELD = "error", "A required field is missing"
    MISSPELLED_FIELD = "error", "A required field is misspelled"
    INVALID_REFERENCE = "error", "A reference has no value, or one that cannot stand there"
    KEY_IN_FILE = "error", "dlsync.yaml holds an API key"
    UNKNOWN_KIND = "error", "A pattern of `protect` names no kind"
    INVALID_OVERLAY = "error", "An item of an overlay does not say which item it changes"
    SHARED_INVENTORY = "error", "Environments with different accounts have one inventory file"
    UNUSED_OVERLAY = "error", "An overlay changes no resource"
    INVALID_NAME = "error", "A name cannot be that of a resource"
    RESERVED_NAME = "error", "A name is that of dlsync's own record"
    UNUSED_SETTINGS = "error", "Settings of a plugin have no script"
    MISPLACED_SETTING = "error", "A setting repeats what the script's file says"
    SECOND_FILE = "error", "Two files are for the same resource"
    SAME_BUT_CASE = "error", "The names of two files differ only in case"
    WRONG_FILE_TYPE = "error", "A file is where a folder belongs, or a folder where a file does"
    INVALID_LINK = "error", "A file of an old client's backup holds no link"
    UNREADABLE_AGENT = "warning", "An agent of an old client's backup cannot be read"
    FILE_NOT_READ = "warning", "A file or folder is not read"
    UNKNOWN_ENVIRONMENT = "warning", "A folder of overlays is for no environment"
    DOUBTFUL_PLUGIN = "warning", "A file may be no plugin, or none that can run"
    PACK_WITHOUT_PACKAGE = "warning", "A pack has no package.yaml"
    NO_RESOURCES = "warning", "The directory holds no resources"
    LIKELY_SECRET = "warning", "A file likely holds a secret"
    AMBIGUOUS_VALUE = "warning", "YAML 1.1 and YAML 1.2 read a value differently"
    UNKNOWN_PLUGIN = "warning", "A link is to a plugin that the files do not have"
    MISSPELLED_NAME = "warning", "A metric or tag is likely misspelled"
    ITEM_ONLY_IN_OVERLAY = "warning", "An overlay adds an item that resembles one of the file"
    LINK_WITHOUT_TAGS = "warning", "A plugin in links.yaml has no tags"
    UNKNOWN_FIELD = "warning", "A field is not known"
    UNKNOWN_VALUE = "warning", "A value of a field is not known"
    UNSET_REFERENCE = "warning", "A variable of the environment is not set here"
    MISSPELLED_REFERENCE = "warning", "A text resembles a reference"
    UNKNOWN_CODE = "warning", "A comment ignores a code that does not exist"
    NOT_FORMATTED = "warning", "A file cannot be formatted with its comments in place"
    # of plans, and of what else compares files with a server
    UNREADABLE_INVENTORY = "warning", "The inventory cannot be read"
    OTHER_DIRECTORY = "warning", "Another directory may be applied to the account"
    NOT_CHECKED_OUT = "warning", "A plan deletes something where files are not checked out"
    INCOMPLETE_LIST = "warning", "The server does not list all resources"
    MASKED_SECRET = "warning", "The server masks secrets"
    NOT_RESTORABLE = "warning", "A rollback cannot restore something"
    NOT_MANAGED = "warning", "A resource of the run is no longer managed"
    PROTECTED_RESOURCE = "warning", "A resource without a file stays, since it is protected"
    UNUSED_PATTERN = "warning", "A pattern of `protect` matches nothing"
    ALREADY_DELETED = "warning", "What is to be deleted does not exist"
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
    NOT_APPLIED = "warning", "A file is not applied yet, so no commit has what is live"
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
    """One thing that is wrong in the files.

    :param file: relative to the tree, POSIX style; empty where no file is meant.
    :param line: from 1; ``column`` likewise.
    """

    code: Code
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None

    @property
    def severity(self) -> Severity:
        """Return how bad it is, which its code decides."""
        return self.code.severity

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" if place else self.message

    def as_document(self) -> dict[str, Json]:
        """Return the problem as JSON has it; file, line and column are null where unknown."""
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
        counts = {action: self.count(action) for action in get_args(Action)}
        return {**counts, "unchanged": self.unchanged, "conflict": self.conflicts}
