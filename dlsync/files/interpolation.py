"""Replace references in resource files: ``${var:NAME}``, ``${env:NAME}``, and ``$${`` for a literal ``${``. Pure."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self

from dlsync.messages import near_miss, visible
from dlsync.model import Json, Path

_REFERENCE = re.compile(r"\$\$\{|\$\{(var|env):([^}]*)\}")
# a script may hold a shell's `${PORT:-80}` and `${NAME:0:3}`; other tools spell a reference `${env.NAME}`
_NEARLY = re.compile(r"(?<!\$)\$\{(?!(?:var|env):)\s*(?:(\w+)\s*:(?!\s*[-=?+\d])|((?i:var|env))\.)([^}]*)\}")


class Referenced(str):
    """A text that holds values of the environment.

    :param spelling: the text as a file spells it, with references in place of the values.
    """

    spelling: str

    def __new__(cls, text: str, spelling: str) -> Self:
        """Create a text with its spelling."""
        made = super().__new__(cls, text)
        made.spelling = spelling
        return made


@dataclass(frozen=True)
class Values:
    """The values of references.

    :param variables: for ``var``, of any type; None if they are unknown: then no reference to a variable is an error.
    :param environ: for ``env``; secret.
    :param literal: whether texts that look like references are plain text.
    :param lenient: whether a name that ``environ`` lacks may be set elsewhere, and so is no error.
    :param overriding: the names of the variables that each environment sets.
    :param numbers: the spellings of variables that are numbers, for references inside texts.
    """

    variables: Mapping[str, Json] | None = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    literal: bool = False
    lenient: bool = False
    overriding: Mapping[str, Collection[str]] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Interpolated:
    """A document with its references replaced.

    :param faults: the references that have no value, with their paths; ``doubts``: likely mistakes; ``unset``:
        references that may be set elsewhere.
    :param secrets: the values of the environment in the document, each with its reference.
    :param unknown: the paths of unknown values.
    """

    document: Json
    faults: list[tuple[Path, str]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    doubts: list[tuple[Path, str]] = field(default_factory=list)
    unset: list[tuple[Path, str]] = field(default_factory=list)
    unknown: set[Path] = field(default_factory=set)


def resolve(document: Json, values: Values) -> Interpolated:
    """Replace the references in every string of a document; its keys stay unchanged.

    A string that is only one reference becomes the value, with its type.
    """
    found = Interpolated(document)
    if not values.literal:
        found.document = _Resolver(values, found).value((), document)
    return found


def with_texts(value: Json, text: Callable[[str], str], key: Callable[[str], str] = str) -> Json:
    """Return a value with its texts and its keys converted."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [with_texts(item, text, key) for item in value]
    return (
        {key(name): with_texts(item, text, key) for name, item in value.items()} if isinstance(value, dict) else value
    )


def escaped(value: Json) -> Json:
    """Escape texts that look like references, for :func:`resolve`: ``${var:x}`` becomes ``$${var:x}``."""
    return with_texts(value, lambda text: text.replace("${", "$${") if _REFERENCE.search(text) else text)


def plain(value: Json) -> Json:
    """Return a value without :class:`Referenced`: jsonschema-rs refuses subclasses of ``str``."""
    return with_texts(value, str)


def joined(parts: Iterable[str]) -> str:
    """Join parts into one text, with a spelling if one of the parts has one."""
    parts = [*parts]
    spelling = ""
    for is_reference, run in groupby(parts, key=lambda part: isinstance(part, Referenced)):
        text = "".join(getattr(part, "spelling", part) for part in run)
        spelling += text if is_reference else text.replace("${", "$${")  # two parts may form a reference
    has_spelling = any(isinstance(part, Referenced) for part in parts)
    return Referenced("".join(parts), spelling) if has_spelling else "".join(parts)


def referenced(value: Json) -> Iterator[Referenced]:
    """Yield each text of a value that holds values of the environment."""
    if isinstance(value, Referenced):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from referenced(item)


def names(text: str) -> list[str]:
    """Return the names of the environment variables that a text refers to."""
    return [found[2] for found in _REFERENCE.finditer(text) if found[1] == "env"]


def split(text: str) -> list[tuple[str, bool]]:
    """Split a text into parts, each with whether it refers to the environment; ``$${`` becomes a part ``${``."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        parts += [(text[end : found.start()], False), (found[0], True) if found[1] == "env" else ("${", False)]
        end = found.end()
    return [part for part in [*parts, (text[end:], False)] if part[0]]


class _Resolver:
    def __init__(self, values: Values, found: Interpolated) -> None:
        self._values = values
        self._found = found

    def value(self, path: Path, value: Json) -> Json:
        if isinstance(value, str):
            return self._text(path, value) if "${" in value else value
        if isinstance(value, list):
            return [self.value((*path, place), item) for place, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self.value((*path, key), item) for key, item in value.items()}
        return value

    def _text(self, path: Path, text: str) -> Json:
        self._found.doubts += [(path, _not_a_reference(found)) for found in _NEARLY.finditer(text)]
        whole = _REFERENCE.fullmatch(text)
        if whole and whole[1]:
            return self._value_of(path, whole)
        parts, end = [], 0
        for found in _REFERENCE.finditer(text):
            parts += [text[end : found.start()], self._inside(path, found) if found[1] else "${"]
            end = found.end()
        return joined([*parts, text[end:]])

    def _inside(self, path: Path, reference: re.Match[str]) -> str:
        value = self._value_of(path, reference)
        if isinstance(value, list | dict):
            sort = "list" if isinstance(value, list) else "mapping"
            self._found.faults.append((path, f"{reference[0]} is a {sort}, which cannot stand inside a text"))
            return reference[0]
        if isinstance(value, str):
            return value
        return "" if value is None else self._values.numbers.get(reference[2], json.dumps(value))

    def _value_of(self, path: Path, reference: re.Match[str]) -> Json:
        """Return the value of a reference; the reference itself if it has none."""
        text, origin, name = reference.group(0, 1, 2)
        if origin == "env":
            environ = self._values.environ
            secret = environ[name] if name in environ else None  # noqa: SIM401 - the command line records lookups
            if secret:
                self._found.secrets[secret] = text
                return Referenced(secret, text)
            problem = f"{text} is not set: there is no `{name}` in the environment"
            if secret == "":  # CI systems set a missing secret to an empty text
                problem = f"{text} is empty in the environment; set it to the value, or remove the reference"
            (self._found.unset if self._values.lenient else self._found.faults).append((path, problem))
            return Referenced(text, text)
        variables = self._values.variables
        if variables is not None and name in variables:
            value = variables[name]
            if inner := next(
                (one[0] for one in _REFERENCE.finditer(json.dumps(value, ensure_ascii=False)) if one[1]), ""
            ):
                problem = f"{text} holds {inner}, and variables hold no references: write {inner} in this file"
                self._found.faults.append((path, problem))
            return value
        if variables is None:
            self._found.unknown.add(path)
        else:
            near = near_miss(name, tuple(variables))
            having = ", ".join(f"`-e {visible(one)}`" for one, its in self._values.overriding.items() if name in its)
            guess = f", except with {having}" if having else f"; did you mean `{near}`?" if near else ""
            problem = f"{text} is not set: there is no `{name}` in `variables` of dlsync.yaml{guess}"
            self._found.faults.append((path, problem))
        return text


def _not_a_reference(found: re.Match[str]) -> str:
    near = near_miss(found[1] or found[2], ("var", "env"))
    guess = f"did you mean ${{{near}:{found[3].strip()}}}?" if near else "expected ${var:NAME} or ${env:NAME}."
    return f"{found[0]} is no reference; {guess} Else write $${{ for ${{"
