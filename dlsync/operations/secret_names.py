"""Which names of the environment the files of a tree mention, and what a record is believed for that.

Whoever can write to an account can have its record say that any text there came from any ``${env:NAME}``. That is
believed only of names that the tree itself mentions: for no other is the environment read, or a file written.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlsync.diff.digests import texts
from dlsync.errors import DlsyncError
from dlsync.files import interpolation
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import visible
from dlsync.model import Json, Resource
from dlsync.resources import all_kinds, discovery, kind_of
from dlsync.resources.overlays import FOLDER as OVERLAYS

_STRANGE = (
    "not written, for it holds what the account's record has as {}, which no file of the tree mentions: "
    "if it is the tree's own, mention it in one, as in a comment of dlsync.yaml"
)


def mentioned(root: Path) -> frozenset[str]:
    """Return the names that the YAML files of a tree mention, in whatever environment, comments included.

    Scripts are left out: PowerShell spells its own variables so.
    """
    places = [SETTINGS, OVERLAYS, *sorted({place for kind in all_kinds() for place in kind.places})]
    files = (one.content for one in discovery.read_files(root, places, []) if one.file.endswith(".yaml"))
    return frozenset(name for text in files for name in interpolation.names(text.decode("utf-8", "replace")))


@dataclass(frozen=True)
class Former:
    """Texts that a record has as secrets.

    :param known: each with its spelling, all of whose names the tree mentions.
    :param strange: each with the first name that it does not mention.
    """

    known: Mapping[str, str] = field(default_factory=dict, repr=False)
    strange: Mapping[str, str] = field(default_factory=dict, repr=False)

    def renewed(self, desired: Resource, live: Resource) -> Resource:
        """Return a live resource with the values that its former secrets have now.

        :param desired: says which values references have; what it says in the clear is no secret.
        """
        values = {reference: value for value, reference in desired.secrets.items()}
        former = {*texts(dict(live.document))} & self.known.keys() - {*texts(dict(desired.document))}
        parts = {text: interpolation.split(self.known[text]) for text in former}
        now = {
            text: "".join(values[part] if is_reference else part for part, is_reference in spelling)
            for text, spelling in parts.items()
            if all(part in values for part, is_reference in spelling if is_reference)
        }
        kind = kind_of(live.kind)
        form = {field: _with(value, now) for field, value in kind.canonical(live.document).items()}
        return kind.merge_live(live, live, form) if now else live

    def require_known(self, desired: Resource | None, live: Resource) -> None:
        """Require that a file can be written of what is live.

        :param desired: what the file says; what it says in the clear is no secret.
        :raises DlsyncError: it holds a secret of a name that is not known.
        """
        if not self.strange:
            return
        there = {*texts(dict(desired.document))} if desired else set()
        for text in texts(dict(live.document)):
            if text in self.strange and text not in there:
                raise DlsyncError(_STRANGE.format(f"${{env:{visible(self.strange[text])}}}"))


def _with(value: Json, now: Mapping[str, str]) -> Json:
    """Return a value with some of its texts replaced."""
    if isinstance(value, dict):
        return {field: _with(item, now) for field, item in value.items()}
    if isinstance(value, list):
        return [_with(item, now) for item in value]
    return now.get(value, value) if isinstance(value, str) else value


def parted(former: Mapping[str, str], root: Path) -> Former:
    """Return what a record has as secrets, by what the tree there mentions; it is read only where there are any."""
    names = mentioned(root) if former else frozenset()
    strange = {text: name for text, how in former.items() if (name := _first_strange(how, names)) is not None}
    return Former({text: how for text, how in former.items() if text not in strange}, strange)


def _first_strange(spelling: str, names: Collection[str]) -> str | None:
    return next((name for name in interpolation.names(spelling) if name not in names), None)
