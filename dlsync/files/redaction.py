"""Secrets taken out of what is shown or written: a value from the environment becomes its reference again. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from dlsync.files.interpolation import escaped
from dlsync.messages import KEY, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlsync.model import FieldChange, Json, Path, ResourceChange

HIDDEN = "[not shown]"


class Redaction:
    """Replaces secrets by what stands for them.

    :param secrets: each value with its reference, such as ``${env:HOOK}``; no value is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._names = frozenset(self._secrets.values())
        self._any = re.compile(_longest_first(self._secrets)) if self._secrets else None

    def __repr__(self) -> str:
        return f"Redaction({len(self._secrets)} secrets)"

    def with_key(self, key: str) -> Redaction:
        """Return one that knows an API key too; empty for none."""
        return Redaction({**self._secrets, key: KEY}) if key else self

    def parts(self, text: str) -> list[tuple[str, str | None]]:
        """Return the text in parts, each with what stands for it where it is a secret, and None where it is not."""
        if self._any is None:
            return [(text, None)]
        parts: list[tuple[str, str | None]] = []
        end = 0
        for found in self._any.finditer(text):
            parts += [(text[end : found.start()], None), (found[0], self._secrets[found[0]])]
            end = found.end()
        return [part for part in [*parts, (text[end:], None)] if part[0] or part[1]]

    def text(self, text: str) -> str:
        """Return a text of a file without secrets; read again, it means the same."""
        return self._any.sub(lambda found: self._secrets[found[0]], text) if self._any else text

    def said(self, text: str) -> str:
        """Return a message without secrets; see :class:`dlsync.messages.Redactor`."""
        return self._redactor(text)

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(self._secrets)

    def value(self, value: Json) -> Json:
        """Return a value of a file without secrets in its strings and keys."""
        return self._each(value, self.text) if self._any else value

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file has to spell it: secrets as references, and what looks like one escaped."""
        return self._each(value, self._spelled_text) if self._any else escaped(value)

    def respells(self, content: bytes) -> bool:
        """Whether :meth:`spelled` may change a value whose YAML is this."""
        return bool(self._secrets) or b"${" in content

    def _each(self, value: Json, how: Callable[[str], str]) -> Json:
        if isinstance(value, str):
            return how(value)
        if isinstance(value, list):
            return [self._each(item, how) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self._each(item, how) for key, item in value.items()}
        return value

    def _spelled_text(self, text: str) -> str:
        parts = self.parts(text)
        if all(name is None for _, name in parts):
            return str(escaped(text))
        # what is around a secret may become a reference with it
        return "".join(name or part.replace("${", "$${") for part, name in parts)

    def change(self, change: ResourceChange) -> ResourceChange:
        """Return the change as it may be shown and kept."""
        if self._any is None:
            return change
        shown = self.differences((*change.diff, *change.kept))
        diff, kept = shown[: len(change.diff)], shown[len(change.diff) :]
        error, held = self.said(change.error), self.said(change.held)
        return replace(change, diff=diff, kept=kept, error=error, held=held)

    def differences(self, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return all differences of a resource as they may be shown and kept; see :meth:`difference`."""
        places: defaultdict[Path, set[Path]] = defaultdict(set)  # by list, where items that come hold secrets
        for one in diff:
            if one.op == "add" and one.path and isinstance(one.path[-1], int):
                places[one.path[:-1]] |= self._places(one.after)
        return tuple(self._left(self.difference(one), places.get(one.path[:-1], set())) for one in diff)

    def _left(self, shown: FieldChange, places: set[Path]) -> FieldChange:
        """Return the removal of a list's item without what was likely secret: what stands where a new item has one."""
        before = _hidden(shown.before, places) if shown.op == "remove" else shown.before
        return shown if before == shown.before else replace(shown, before=before, masked="unknown")

    def _places(self, value: Json) -> set[Path]:
        """Return where a value holds secrets: keys alone, for lists pair items as they like."""
        if isinstance(value, dict):
            inside = {(key, *path) for key, item in value.items() for path in self._places(item)}
            return inside | {() for key in value if self.said(key) != key}
        if isinstance(value, list):
            return {path for item in value for path in self._places(item)}
        return set() if self._shown(value) == value else {()}

    def difference(self, one: FieldChange) -> FieldChange:
        """Return the difference as it may be shown and kept.

        Where a secret is to be that is not there yet, what is there is likely one too: the same before it was changed.
        """
        path = tuple(self.said(part) if isinstance(part, str) else part for part in one.path)
        if one.moved:  # from one position to another
            return replace(one, path=path)
        after, before = self._shown(one.after), self._shown(one.before)
        # exactly: a line of one in several lines may be what it was
        there = str(self.value(one.before))
        comes = after != one.after and any(name in str(after) and name not in there for name in self._names)
        if comes and before is not None:
            return replace(one, path=path, before=HIDDEN, after=after, masked="unknown")
        is_changed = one.op == "replace" and before == after and (before, after) != (one.before, one.after)
        return replace(one, path=path, before=before, after=after, masked="changed" if is_changed else one.masked)

    def _shown(self, value: Json) -> Json:
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        if isinstance(value, dict):
            return {self.said(key): self._shown(item) for key, item in value.items()}
        if isinstance(value, str):
            return self.said(value)
        return self._secrets[repr(value)] if self.is_number(value) else value

    def is_number(self, value: Json) -> bool:
        """Whether a number is a secret: a server may make one of a text of digits."""
        return isinstance(value, int | float) and not isinstance(value, bool) and repr(value) in self._secrets


def _longest_first(texts: Mapping[str, str]) -> str:
    """Return a pattern for any of the texts; one may hold another."""
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _hidden(value: Json, places: set[Path]) -> Json:
    """Return a value with a word in place of what stands at the places."""
    if () in places:
        return HIDDEN
    if isinstance(value, dict):
        return {key: _hidden(item, {path[1:] for path in places if path[0] == key}) for key, item in value.items()}
    return [_hidden(item, places) for item in value] if isinstance(value, list) else value


NOTHING_SECRET = Redaction({})
