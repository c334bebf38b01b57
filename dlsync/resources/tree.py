"""The loaded files of a directory: resources, problems, and contents."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Self

from dlsync.errors import DlsyncError, InvalidTree
from dlsync.files import ignored
from dlsync.files.ignored import Ignored
from dlsync.files.settings import FILE_NAME as SETTINGS
from dlsync.messages import counted
from dlsync.model import Address, Problem, Resource
from dlsync.resources import all_kinds, kind_of

# codes behind it have a hyphen; any other word is a reason
_SILENCED = re.compile(rb"(?i)#\s*dlsync:\s*ignore\b((?:[\s,]+[a-z]+(?:-[a-z]+)+)*)")
_CODE = re.compile(r"[a-z-]+")


@dataclass(frozen=True)
class Tree:
    """The files of a directory with their resources and problems.

    :param resources: by address, in the order of an apply.
    :param problems: by file and line.
    :param sources: the bytes of the files that were read.
    :param backup: whether it is the folder of an old client's backup.
    :param mentioned: further values of the environment that are secret, each with its reference.
    :param overlays: the bytes of the overlays of the chosen environment.
    """

    root: Path
    resources: Mapping[Address, Resource] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    backup: bool = False
    overlays: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    ignored: Ignored = ignored.NOTHING_BUT_BUILT_IN
    mentioned: Mapping[str, str] = field(default_factory=dict, repr=False)

    def addresses(self) -> set[Address]:
        """Return the addresses for the names of the files, without reading them."""
        found: set[Address | None] = set()
        for kind in all_kinds():
            for file in filter(kind.claims, self.sources):
                with suppress(DlsyncError):  # reading the files reports wrong names
                    found.add(kind.address_from_path(file, encoded=not self.backup))
        return {address for address in found if address}

    @property
    def digest(self) -> str:
        """A digest of all files that a plan is made from: resources, overlays, and dlsync.yaml."""
        digest = blake2b(digest_size=16)
        files = {SETTINGS, *(file for one in self.resources.values() for file in kind_of(one.kind).files(one))}
        read = {file: content for file, content in self.sources.items() if file in files}
        for file, content in sorted({**read, **self.overlays}.items()):
            digest.update(blake2b(file.encode("utf-8", "surrogateescape")).digest() + blake2b(content).digest())
        return digest.hexdigest()

    @property
    def secrets(self) -> dict[str, str]:
        """The values from the environment that are in the resources or mentioned, each with its reference."""
        found = {value: name for resource in self.resources.values() for value, name in resource.secrets.items()}
        return {**self.mentioned, **found}

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that must be fixed."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The other problems."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def with_problems(self, problems: Iterable[Problem]) -> Self:
        """Return the tree with more problems, sorted, without those that a comment silences."""
        return replace(self, problems=in_order(self.unsilenced(dict.fromkeys((*problems, *self.problems)))))

    def unsilenced(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Return the problems without the warnings that a comment in the tree silences."""
        return unsilenced(problems, {**self.sources, **self.overlays})

    def raise_for_errors(self) -> Self:
        """Return the tree if it has no errors.

        :raises InvalidTree: it has errors.
        """
        if self.errors:
            raise InvalidTree(f"{counted(len(self.errors), 'error')} in the files", problems=self.problems)
        return self


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems sorted by file, line and column."""
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line or 0, problem.column or 0)))


def unsilenced(problems: Iterable[Problem], contents: Mapping[str, bytes]) -> tuple[Problem, ...]:
    """Return problems without the warnings on lines with ``# dlsync: ignore``, alone or followed by their code.

    :param contents: of the files, by path in the tree.
    """
    problems = tuple(problems)
    files = {one.file for one in problems if one.line and one.severity == "warning"}
    silenced = {file: silenced_codes(contents.get(file, b"")) for file in files}
    return tuple(
        one
        for one in problems
        if one.severity == "error"
        or (codes := silenced.get(one.file, {}).get(one.line or 0)) is None
        or (codes and str(one.code) not in codes)
    )


def silenced_codes(content: bytes) -> dict[int, list[str]]:
    """Return the codes that each comment silences, by line from 1; an empty list silences all."""
    if b"dlsync:" not in content:
        return {}
    comments = enumerate(map(_SILENCED.search, content.splitlines()), 1)
    return {line: _CODE.findall(found[1].decode().lower()) for line, found in comments if found}
