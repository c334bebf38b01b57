"""Secrets taken out of what is shown or written: a value from the environment becomes its reference again. Pure.

What is shown holds no text that is like a secret. Files and journals keep a text as it is, unless a file or the
inventory has a reference for it, or it holds a long value that stands apart.
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
_LONG_ENOUGH = 8  # characters; a shorter value may stand in a text by chance


class Redaction:
    """Replaces secrets by what stands for them.

    :param secrets: each value with its reference, such as ``${env:HOOK}``; no value is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._texts: Mapping[str, str] = {}
        self._any = re.compile(_longest_first(self._secrets)) if self._secrets else None
        long = [value for value in self._secrets if len(value) >= _LONG_ENOUGH]
        self._apart = re.compile(rf"(?<![^\W_]|\$)(?:{_longest_first(long)})(?![^\W_])") if long else None

    def with_key(self, key: str) -> "Redaction":
        """Return one that knows an API key too; empty for none."""
        return Redaction({**self._secrets, key: KEY}) if key else self

    def knowing(self, texts: Mapping[str, str]) -> "Redaction":
        """Return one for a resource of which it is known that some texts were made with secrets.

        :param texts: whole texts, each with its spelling.
        """
        made = copy(self)
        made._texts = texts  # noqa: SLF001 - of the same class
        return made

    def parts(self, text: str) -> list[tuple[str, str | None]]:
        """Return the text in parts as a file or a journal keeps it, each with its reference where it is a secret.

        A part that is known to be a secret is empty; one that was found by its value is that value.
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
        """Return a text of a file without secrets; read again, it means the same."""
        return self._any.sub(lambda found: self._secrets[found[0]], text) if self._any else text

    @cached_property
    def said(self) -> Redactor:
        """Return what takes the secrets out of a message."""
        return Redactor(self._secrets)

    def value(self, value: Json) -> Json:
        """Return a value of a file without secrets in its strings and keys."""
        return with_texts(value, self.text, self.text) if self._any else value

    def spelled(self, value: Json) -> Json:
        """Return a live value as a file has to spell it: secrets as references, and what looks like one escaped."""
        return with_texts(value, self._spelled, lambda key: "".join(name or part for part, name in self.parts(key)))

    def _spelled(self, text: str) -> str:
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
        return replace(change, diff=diff, kept=kept, error=self.said(change.error), held=self.said(change.held))

    def differences(self, diff: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
        """Return all differences of a resource as they may be shown and kept; see :meth:`difference`.

        What stands in an item that leaves a list where an item that comes has a secret was likely secret too.
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
        """Return the difference as it may be shown and kept.

        Where a file has a reference to a secret that is not there yet, what is there is likely a secret too.
        """
        path = tuple(self.said(part) if isinstance(part, str) else part for part in one.path)
        if one.moved:  # from one position to another
            return replace(one, path=path)
        after, before = self._shown(one.after), self._shown(one.before)
        there = str(self.value(one.before))
        references = {
            reference for text in referenced(one.after) for reference, is_one in split(text.spelling) if is_one
        }
        if before is not None and any(reference not in there for reference in references):
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


def values_in(texts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the values in texts that were made with secrets, which have their spellings, each with its reference."""
    pairs = (pair for some in texts for pair in some.items())
    return {value: name for text, spelling in pairs for value, name in _values(text, spelling) if value}


def _values(text: str, spelling: str) -> Iterator[tuple[str, str]]:
    """Yield the values in a text by its spelling; references between which there is no text count as one."""
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
    """Return a pattern for any of the texts; one may hold another."""
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _places(value: Json) -> set[Path]:
    """Return where a file has secrets in a value: keys alone, for lists pair items as they like."""
    if isinstance(value, dict):
        return {(key, *path) for key, item in value.items() for path in _places(item)}
    if isinstance(value, list):
        return {path for item in value for path in _places(item)}
    return {()} if isinstance(value, Referenced) else set()


def _hidden(value: Json, places: set[Path]) -> Json:
    """Return a value with a word in place of what stands at the places."""
    if () in places:
        return HIDDEN
    if isinstance(value, dict):
        return {key: _hidden(item, {path[1:] for path in places if path[0] == key}) for key, item in value.items()}
    return [_hidden(item, places) for item in value] if isinstance(value, list) else value


NOTHING_SECRET = Redaction({})
