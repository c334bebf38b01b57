"""Secrets taken out of what is shown or written: a value from the environment becomes its reference again. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dlsync.escape import in_full

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Change, Difference, Json

_CUTS = ("…", "...")
_TELLING = 4  # characters of a secret; fewer tell nobody what it is


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

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        return self._any.sub(lambda found: self._secrets[found[0]], text) if self._any else text

    def message(self, text: str) -> str:
        """Return a message without secrets: nor spelled on one line or as JSON, nor the begin of one that was cut."""
        text = self.text(text)
        for secret, reference in self._secrets.items():
            for spelled in dict.fromkeys((secret, " ".join(secret.split()), in_full(secret)[1:-1])):
                text = text.replace(spelled, reference) if spelled else text
                for mark in _CUTS:
                    *ends, last = text.split(mark)
                    text = mark.join([*(_without_begin(end, spelled, reference) for end in ends), last])
        return text

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
        return replace(change, diff=tuple(map(self.difference, change.diff)), error=self.message(change.error))

    def difference(self, one: Difference) -> Difference:
        """Return the difference as it may be shown and kept."""
        path = tuple(self.text(part) if isinstance(part, str) else part for part in one.path)
        return replace(one, path=path, before=self.value(one.before), after=self.value(one.after))


def _without_begin(text: str, secret: str, reference: str) -> str:
    """Return the text, at whose end a secret may have been cut."""
    for length in range(min(len(text), len(secret)), _TELLING - 1, -1):
        if text.endswith(secret[:length]):
            return text[:-length] + reference
    return text


NOTHING_SECRET = Redaction({})
