"""Remove secrets from output and files: a value of the environment becomes its reference again. Pure.

In output, every text that equals a secret is replaced. In files and journals, a text is replaced only if a file or the
inventory has a reference for it, or if it holds a long secret as a word of its own.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from itertools import groupby, zip_longest

from dlsync.files.interpolation import Referenced, escaped, referenced, split, with_texts
from dlsync.messages import KEY, Redactor
from dlsync.model import FieldChange, Json, Path, ResourceChange

HIDDEN = "[not shown]"
_LONG_ENOUGH = 8  # characters; a text may hold a shorter value by chance


class Redaction:
    """Replace secrets by their references.

    :param secrets: each value with its reference, such as ``${env:HOOK}``; no value is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._texts: Mapping[str, str] = {}
        self._any = re.compile(_longest_first(self._secrets)) if self._secrets else None
        long = [value for value in self._secrets if len(value) >= _LONG_ENOUGH]
        self._apart = re.compile(rf"(?<![^\W_]|\$)(?:{_longest_first(long)})(?![^\W_])") if long else None

    def with_key(self, key: str) -> "Redaction":
        """Return a redaction that also hides an API key, if it is not empty."""
        return Redaction({**self._secrets, key: KEY}) if key else self

    def with_spellings(self, texts: Mapping[str, str]) -> "Redaction":
        """Return a redaction for a resource in which some texts are known to hold secrets.

        :param texts: whole texts, each with its spelling.
        """
        made = copy(self)
        made._texts = texts  # noqa: SLF001 - of the same class
        return made

    def parts(self, text: str) -> list[tuple[str, str | None]]:
        """Split a text into parts for a file or a journal; a part that is a secret has its reference.

        A secret that is known by the text's spelling is an empty part; one that was found by its value is that value.
        """
        spelling = text.spelling if isinstance(text, Referenced) else self._texts.get(text)
        if spelling is not None:
            return [("", part) if is_reference else (part, None) for part, is_reference in split(spelling)]
        parts: list[tuple[str, str | None]] = []
        end = 0
        for found in self._apart.finditer(text) if self._apart else ():
            parts += [(text[end : found.start()], None), (found[0], self._secrets[found[0]])]
            end = found.end()
        return [part for part in [*parts, (text[end:], None)] if part[0] or part[1]]

    def text(self, text: str) -> str:
        """Return a text of a file with references in place of secrets; loading it gives the same text."""
        return self._any.sub(lambda found: self._secrets[found[0]], text) if self._any else text

    @cached_property
    def message(self) -> Redactor:
        """Return the function that removes secrets from a message."""
        return Redactor(self._secrets)

    def value(self, value: Json) -> Json:
        """Return a value of a file with references in place of secrets, in strings and keys."""
        return with_texts(value, self.text, self.text) if self._any else value

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file spells it: with references in place of secrets, and other ``${`` escaped."""
        return with_texts(value, self._spelled, lambda key: "".join(name or part for part, name in self.parts(key)))

    def _spelled(self, text: str) -> str:
        parts = self.parts(text)
        if all(name is None for _, name in parts):
            return str(escaped(text))
        # the text around a secret may form a reference with it
        return "".join(name or part.replace("${", "$${") for part, name in parts)

    def change(self, change: ResourceChange) -> ResourceChange:
        """Return the change without secrets."""
        if self._any is None:
            return change
        shown = self.differences((*change.diff, *change.kept))
        diff, kept = shown[: len(change.diff)], shown[len(change.diff) :]
        return replace(change, diff=diff, kept=kept, error=self.message(change.error), held=self.message(change.held))

    def differences(self, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return all differences of a resource without secrets; see :meth:`difference`.

        If an item that is added to a list holds a secret, the same field of removed items is likely secret too.
        """
        places: defaultdict[Path, set[Path]] = defaultdict(set)
        for one in diff:
            if one.op == "add" and one.path and isinstance(one.path[-1], int):
                places[one.path[:-1]] |= _places(one.after)
        shown = [self.difference(one) for one in diff]
        for index, (one, removed) in enumerate(zip(diff, shown, strict=True)):
            before = _hidden(removed.before, places[one.path[:-1]])
            if one.op == "remove" and before != removed.before:
                shown[index] = replace(removed, before=before, masked="unknown")
        return tuple(shown)

    def difference(self, one: FieldChange) -> FieldChange:
        """Return the difference without secrets.

        If the file refers to a secret that the live value lacks, the live value is likely a secret too.
        """
        path = tuple(self.message(part) if isinstance(part, str) else part for part in one.path)
        if one.moved:  # from one position to another
            return replace(one, path=path)
        after, before = self._shown(one.after), self._shown(one.before)
        live = str(self.value(one.before))
        references = {
            reference for text in referenced(one.after) for reference, is_one in split(text.spelling) if is_one
        }
        if before is not None and any(reference not in live for reference in references):
            return replace(one, path=path, before=HIDDEN, after=after, masked="unknown")
        is_changed = one.op == "replace" and before == after and (before, after) != (one.before, one.after)
        return replace(one, path=path, before=before, after=after, masked="changed" if is_changed else one.masked)

    def _shown(self, value: Json) -> Json:
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        if isinstance(value, dict):
            return {self.message(key): self._shown(item) for key, item in value.items()}
        if isinstance(value, str):
            return self.message(value)
        return self._secrets[repr(value)] if self.is_number(value) else value

    def is_number(self, value: Json) -> bool:
        """Whether a number is a secret: a server may convert a text of digits to a number."""
        return isinstance(value, int | float) and not isinstance(value, bool) and repr(value) in self._secrets


def values_in(texts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the secrets in texts, each with its reference; the texts are keys, their spellings the values."""
    pairs = (pair for some in texts for pair in some.items())
    return {value: name for text, spelling in pairs for value, name in _values(text, spelling) if value}


def _values(text: str, spelling: str) -> Iterator[tuple[str, str]]:
    """Yield the secrets in a text by its spelling; adjacent references count as one."""
    runs = groupby(split(spelling), key=lambda part: part[1])
    parts = [(is_reference, "".join(part for part, _ in run)) for is_reference, run in runs]
    if not parts[0][0]:
        text = text.removeprefix(parts.pop(0)[1])
    if parts and not parts[-1][0]:
        text = text.removesuffix(parts.pop()[1])
    for (_, reference), (_, after) in zip_longest(parts[::2], parts[1::2], fillvalue=(False, "")):
        value, _, text = text.partition(after) if after else (text, "", "")
        yield value, reference


def _longest_first(texts: Iterable[str]) -> str:
    """Return a pattern for any of the texts, longest first, since a text may hold another."""
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _places(value: Json) -> set[Path]:
    """Return the paths of secrets in a value of a file, without positions in lists, in which items may move."""
    if isinstance(value, dict):
        return {(key, *path) for key, item in value.items() for path in _places(item)}
    if isinstance(value, list):
        return {path for item in value for path in _places(item)}
    return {()} if isinstance(value, Referenced) else set()


def _hidden(value: Json, places: set[Path]) -> Json:
    """Return a value with the values at the paths hidden."""
    if () in places:
        return HIDDEN
    if isinstance(value, dict):
        return {key: _hidden(item, {path[1:] for path in places if path[0] == key}) for key, item in value.items()}
    return [_hidden(item, places) for item in value] if isinstance(value, list) else value


NOTHING_SECRET = Redaction({})
