"""What kinds are given and give: the files that they read, the files that they write, what a server listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from dlsync.files.interpolation import Values
from dlsync.files.redaction import NOTHING_SECRET, Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlsync.errors import DlsyncError
    from dlsync.model import Json, Path, Resource


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the tree.

    :param file: relative to the tree, POSIX style.
    :param content: byte for byte.
    """

    file: str
    content: bytes


@dataclass(frozen=True)
class LoadContext:
    """What the files of a tree are read with.

    :param values: what references stand for.
    :param overlays: the chosen environment's overlays, by the path that they have below its folder.
    :param environment: the one that was chosen; empty for none.
    :param backup: the tree is an old client's backup, in which file names are names as they are.
    """

    values: Values = field(default_factory=Values)
    overlays: Mapping[str, SourceFile] = field(default_factory=dict)
    environment: str = ""
    backup: bool = False


@dataclass(frozen=True)
class ExportContext:
    """The files of a tree as an export has them so far.

    :param files: by path in the tree; None for one that is to be removed.
    :param redaction: puts references back for secrets.
    :param references: False where the files can hold none.
    """

    files: Mapping[str, bytes | None] = field(default_factory=dict)
    redaction: Redaction = NOTHING_SECRET
    references: bool = True

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file has to spell it: what looks like a reference escaped, secrets as references."""
        return self.redaction.spelled(value) if self.references else value

    def respells(self, content: bytes) -> bool:
        """Whether a live value whose YAML is this may have to be spelled in another way; cheap where it has not."""
        return self.references and self.redaction.respells(content)


ReferenceSort = Literal["metric", "tag"]


class Reference(NamedTuple):
    """A name of something that is no resource, in the document of one that is.

    :param path: in the document as the file has it.
    """

    sort: ReferenceSort
    name: str
    path: Path


BARE = LoadContext()
BLANK = ExportContext()


class CachedVersion(NamedTuple):
    """What is known of a live resource before it is fetched.

    :param body: the bytes of its file: where the server sends the same, they need not be understood again.
    :param etag: of the version that need not be sent again.
    """

    body: bytes | None = None
    etag: str = ""


UNKNOWN = CachedVersion()


def messages_of(errors: Iterable[DlsyncError]) -> tuple[str, ...]:
    """Return what errors say."""
    return tuple(error.message for error in errors)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server said that it has of one kind.

    :param resources: those that the listing holds whole.
    :param names: all that it names; None where it has no list operation.
    :param complete: False where there may be more than it names.
    :param etag: the version of a listing that holds them whole; empty where the server does not say.
    :param versions: by name, the ETag that the resource itself has, where the listing says so.
    :param faults: why items of it cannot be read.
    :param unlocked: whether it shows that nobody holds the lock of the account.
    :param muted: the names of those that are muted, which is lost with them.
    """

    resources: tuple[Resource, ...] = ()
    names: frozenset[str] | None = None
    complete: bool = True
    etag: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    unlocked: bool = False
    muted: frozenset[str] = frozenset()
