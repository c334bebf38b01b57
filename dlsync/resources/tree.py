"""A directory as its files have it: resources, problems, and the files themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from dlsync.errors import InvalidTree
from dlsync.files import ignored
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.resources import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dlsync.files.ignored import Ignored
    from dlsync.model import Address, Problem, Resource


@dataclass(frozen=True)
class Tree:
    """What the files say.

    :param resources: by address, in the order of an apply.
    :param problems: by file and line; errors among them make the tree unusable.
    :param sources: the files that were read, byte for byte.
    :param backup: it is the folder of an old client's backup.
    :param overlays: the files of the chosen environment's overlays, byte for byte.
    :param ignored: which files are no resources.
    """

    root: Path
    resources: Mapping[Address, Resource]
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    backup: bool = False
    overlays: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    ignored: Ignored = ignored.NOTHING_BUT_BUILT_IN

    @property
    def digest(self) -> str:
        """A digest of all files that a plan is made from: of resources, overlays, and dlsync.yaml."""
        digest = blake2b(digest_size=16)
        resource_files = {file for one in self.resources.values() for file in kind_of(one.kind).files(one)}
        read = {file: content for file, content in self.sources.items() if file in {SETTINGS, *resource_files}}
        for file, content in sorted({**read, **self.overlays}.items()):
            digest.update(blake2b(file.encode("utf-8", "surrogateescape")).digest() + blake2b(content).digest())
        return digest.hexdigest()

    @property
    def secrets(self) -> dict[str, str]:
        """The values from the environment that are in the resources, each with its reference."""
        return {value: name for resource in self.resources.values() for value, name in resource.secrets.items()}

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that must be mended first."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that a user should know of."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def with_problems(self, problems: Iterable[Problem]) -> Tree:
        """Return the tree with more problems, in their order."""
        return replace(self, problems=in_order(dict.fromkeys((*problems, *self.problems))))

    def raise_for_errors(self) -> Tree:
        """Return the tree.

        :raises InvalidTree: it has errors; all of them are in the exception.
        """
        if self.errors:
            count = len(self.errors)
            raise InvalidTree(f"{count} {'error' if count == 1 else 'errors'} in the files", self.problems)
        return self


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order of their places."""
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0)))
