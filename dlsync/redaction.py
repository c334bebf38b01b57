"""Secrets taken out of what is shown or written: a value from the environment becomes its reference again. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Change, Difference, Json


HIDDEN = "(not shown: it stands where a secret belongs)"


class Redaction:
    """Replaces secrets by what stands for them.

    :param secrets: each value with its reference, such as ``${env:HOOK}``; no value is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        # the longest first: one secret may hold another
        longest = sorted(self._secrets, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest))) if longest else None

    def __repr__(self) -> str:
        return f"Redaction({len(self._secrets)} secrets)"

    def also(self, secrets: Mapping[str, str]) -> Redaction:
        """Return one that knows these secrets too."""
        return Redaction({**self._secrets, **secrets})

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        return self._any.sub(lambda found: self._secrets[found[0]], text) if self._any else text

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

    def value(self, value: Json) -> Json:
        """Return the value without secrets in its strings and keys."""
        if self._any is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value

    def change(self, change: Change) -> Change:
        """Return the change as it may be shown and kept."""
        if self._any is None:
            return change
        diff, kept = (tuple(map(self.difference, some)) for some in (change.diff, change.kept))
        return replace(change, diff=diff, kept=kept, error=self.text(change.error))

    def difference(self, one: Difference) -> Difference:
        """Return the difference as it may be shown and kept; what stands where a secret belongs is taken for one."""
        path = tuple(self.text(part) if isinstance(part, str) else part for part in one.path)
        before, after = self.value(one.before), self.value(one.after)
        if isinstance(before, str) and isinstance(after, str) and after != one.after:
            before = HIDDEN
        return replace(one, path=path, before=before, after=after)


NOTHING_SECRET = Redaction({})
