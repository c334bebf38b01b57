"""Secrets taken out of what is shown or written: a value from the environment becomes its reference again. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from dlsync.files.interpolation import escaped
from dlsync.messages import KEY, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlsync.model import FieldChange, Json, ResourceChange

HIDDEN = "[not shown]"


class Redaction:
    """Replaces secrets by what stands for them.

    :param secrets: each value with its reference, such as ``${env:HOOK}``; no value is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._names = frozenset(self._secrets.values())
        longest_first = sorted(self._secrets, key=len, reverse=True)  # one may hold another
        self._any = re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")

    def __repr__(self) -> str:
        return f"Redaction({len(self._secrets)} secrets)"

    def with_key(self, key: str) -> Redaction:
        """Return one that knows an API key too; empty for none."""
        return Redaction({**self._secrets, key: KEY}) if key else self

    def parts(self, text: str) -> list[tuple[str, str | None]]:
        """Return the text in parts, each with what stands for it where it is a secret, and None where it is not."""
        parts = enumerate(self._any.split(text))
        return [(part, self._secrets[part] if place % 2 else None) for place, part in parts if part]

    def text(self, text: str) -> str:
        """Return a text of a file without secrets; read again, it means the same."""
        return self._any.sub(lambda found: self._secrets[found[0]], text)

    @cached_property
    def said(self) -> Redactor:
        """Returns a message without secrets."""
        return Redactor(self._secrets)

    def value(self, value: Json) -> Json:
        """Return a value of a file without secrets in its strings and keys."""
        return self._each(value, self.text)

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file has to spell it: secrets as references, and what looks like one escaped."""
        return self._each(value, self._spelled_text)

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
        if not self._any.search(text):
            return str(escaped(text))
        # what is around a secret may become a reference with it
        return "".join(name or part.replace("${", "$${") for part, name in self.parts(text))

    def change(self, change: ResourceChange) -> ResourceChange:
        """Return the change as it may be shown and kept."""
        shown = self.differences((*change.diff, *change.kept))
        diff, kept = shown[: len(change.diff)], shown[len(change.diff) :]
        return replace(change, diff=diff, kept=kept, error=self.said(change.error), held=self.said(change.held))

    def differences(self, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return all differences of a resource as they may be shown and kept; see :meth:`difference`."""
        # what leaves a list that a secret comes into is likely what was secret before
        lists = {
            change.path[:-1] for change in diff if change.op == "add" and self._shown(change.after) != change.after
        }
        return tuple(
            replace(self.difference(change), before=HIDDEN, masked="unknown")
            if change.op == "remove" and change.path[:-1] in lists
            else self.difference(change)
            for change in diff
        )

    def difference(self, change: FieldChange) -> FieldChange:
        """Return the difference as it may be shown and kept.

        Where a secret is to be that is not there yet, what is there is likely one too: the same before it was changed.
        """
        path = tuple(self.said(part) if isinstance(part, str) else part for part in change.path)
        if change.moved:  # from one position to another
            return replace(change, path=path)
        after, before = self._shown(change.after), self._shown(change.before)
        # exactly: a line of one in several lines may be what it was
        there = str(self.value(change.before))
        comes = after != change.after and any(name in str(after) and name not in there for name in self._names)
        if comes and before is not None:
            return replace(change, path=path, before=HIDDEN, after=after, masked="unknown")
        is_masked = change.op == "replace" and before == after and (before, after) != (change.before, change.after)
        return replace(change, path=path, before=before, after=after, masked="changed" if is_masked else change.masked)

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


NOTHING_SECRET = Redaction({})
