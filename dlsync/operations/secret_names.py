"""Which names of the environment the files of a tree mention, and what a record is believed for that.

Whoever can write to an account can have its record say that any text there came from any ``${env:NAME}``. That is
believed only of names that the tree itself mentions: for no other is the environment read, or a file written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlsync.diff.digests import texts
from dlsync.errors import DlsyncError
from dlsync.files import interpolation
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import visible
from dlsync.resources import all_kinds, discovery
from dlsync.resources.overlays import FOLDER as OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from dlsync.model import Resource

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


def parted(former: Mapping[str, str], root: Path) -> Former:
    """Return what a record has as secrets, by what the tree there mentions; it is read only where there are any."""
    names = mentioned(root) if former else frozenset()
    strange = {text: name for text, how in former.items() if (name := _first_strange(how, names)) is not None}
    return Former({text: how for text, how in former.items() if text not in strange}, strange)


def _first_strange(spelling: str, names: Collection[str]) -> str | None:
    return next((name for name in interpolation.names(spelling) if name not in names), None)
