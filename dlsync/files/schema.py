"""The JSON Schemas of the files, and what is wrong with a document by them.

Structure (types, missing fields) is judged by jsonschema-rs. A field or value that a schema has not heard of is no
error, since the service has fields that nobody here has seen: it is warned of, with the near miss named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, cast

from dlsync import messages
from dlsync.errors import DlsyncError
from dlsync.files import schema_index, yaml
from dlsync.messages import field_name
from dlsync.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema_rs import Draft202012Validator

    from dlsync.model import Json, Path, Severity

_FOLDER = File(__file__).parent.with_name("schemas")
_SUFFIX = ".schema.json"
_NOT_PLAIN = "this cannot be checked: it is nested too deeply, or a key or a character in it is not text"


@dataclass(frozen=True, slots=True)
class _Fault:
    """A value that a part of the schema, the node, refuses by one of its keywords."""

    path: Path
    value: Any
    keyword: str
    node: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a schema says of a document.

    :param path: keys and list positions that lead to it; for a missing field, to the mapping that lacks it.
    :param missing: the field that is missing.
    """

    severity: Severity
    path: Path
    message: str
    missing: str = ""


def names() -> tuple[str, ...]:
    """Return the names of the schemas that dlsync ships, sorted."""
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in _FOLDER.iterdir() if file.name.endswith(_SUFFIX)))


def text(name: str) -> str:
    """Return a schema's JSON text, as it is shipped.

    :raises DlsyncError: there is no schema of that name.
    """
    if name not in names():
        raise DlsyncError(f"there is no schema {messages.brief(name)}", hint=f"There are: {', '.join(names())}.")
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def kinds() -> tuple[str, ...]:
    """Return the kinds of resources, as the schema of dlsync.yaml names them."""
    return tuple(_schema("dlsync")["$defs"]["kind"]["enum"])


def check(name: str, document: Json) -> list[Finding]:
    """Return all that a schema says of a document, in the document's order; empty where it is fine.

    :param name: one of :func:`names`.
    :param document: as parsed from YAML or JSON; it is left alone.
    :raises DlsyncError: there is no schema of that name.
    """
    try:
        faults = _faults(name, document)
    except ValueError:  # jsonschema-rs on 255 levels or more, keys that are no text, lone surrogates
        return [Finding("error", (), _NOT_PLAIN)]
    strays = schema_index.strays(_shape(name), document)
    if not faults and not strays:
        return []
    return _in_order(document, _findings(faults, strays))


def allows(name: str, document: Json) -> bool:
    """Whether a schema finds no error in a document, without a word on which: a thirtieth of :func:`check`."""
    try:
        return _validator(name).is_valid(document)
    except ValueError:  # see check
        return False


def located(findings: Iterable[Finding], file: str, content: bytes) -> list[Problem]:
    """Return the findings as problems of a file, each with the line and column of its path.

    :param file: relative to the tree.
    :param content: the YAML that the document was parsed from.
    """
    findings = list(findings)
    places = yaml.positions(content) if findings else {}
    return [Problem(one.severity, one.message, file, *yaml.nearest(places, one.path)) for one in findings]


def fields_at(name: str, path: Path) -> frozenset[str] | None:
    """Return the fields that a file may have in the mapping at a path.

    :param path: keys and list positions; which position makes no difference.
    :returns: None where the schema knows no mapping, or one whose keys are the user's own.
    """
    return known_at(name, _anywhere(path)).fields


def owned_at(name: str, path: Path) -> frozenset[str]:
    """Return the fields of the mapping at a path that only the server sets (``readOnly``)."""
    return known_at(name, _anywhere(path)).owned


def arranged(name: str, document: Mapping[str, Json]) -> dict[str, Json]:
    """Return the document as a new file has it: in the schema's order, without what only the server sets."""
    return cast("dict[str, Json]", schema_index.arranged(_shape(name), dict(document)))


def _anywhere(path: Path) -> Path:
    return tuple(0 if isinstance(step, int) else step for step in path)


@lru_cache(maxsize=4096)
def known_at(name: str, path: Path) -> schema_index.Known:
    """Return what is known of the mapping at a path in which each list position is 0."""
    return _shape(name).known(path)


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(text(name))
    return schema


@cache
def _shape(name: str) -> schema_index.Shape:
    return schema_index.compiled(_schema(name))


@cache
def _validator(name: str) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(_schema(name))


def _faults(name: str, document: Json) -> list[_Fault]:
    validator = _validator(name)
    if validator.is_valid(document):
        return []
    # not iter_errors: its paths make `7` of a key "7" and drop empty keys (jsonschema-rs 0.60)
    faults = []
    for unit in validator.evaluate(document).errors():
        path, value = _follow(document, unit["instanceLocation"])
        node, _, keyword = unit["schemaLocation"].rpartition("/")
        faults.append(_Fault(path, value, keyword, _follow(_schema(name), node)[1]))
    return faults


def _follow(document: Json, pointer: str) -> tuple[Path, Any]:
    """Return the path that a JSON pointer (RFC 6901) means in a document, and what is there."""
    found: Any = document
    path: list[str | int] = []
    for part in pointer.split("/")[1:]:
        path.append(int(part) if isinstance(found, list) else part.replace("~1", "/").replace("~0", "~"))
        found = found[path[-1]]
    return tuple(path), found


def _findings(faults: list[_Fault], strays: list[schema_index.UnknownField]) -> Iterator[Finding]:
    missing = [fault for fault in faults if fault.keyword == "required"]
    lacking = {
        (*fault.path, field) for fault in missing for field in fault.node["required"] if field not in fault.value
    }
    for stray in strays:
        yield _stray(stray, lacking)
    for path in lacking:
        yield Finding("error", path[:-1], _has_no(path), str(path[-1]))
    for path, fault in {fault.path: fault for fault in faults if fault.keyword != "required"}.items():
        yield Finding("error", path, _wrong(fault))


def _stray(stray: schema_index.UnknownField, lacking: set[Path]) -> Finding:
    """Word what the schema has not heard of; a field that stands for a lacking one takes that with it."""
    if not stray.is_field:
        return Finding("warning", stray.path, _unseen(stray))
    parent = stray.path[:-1]
    if meant := messages.near_miss(stray.word, tuple(field for field in stray.known if (*parent, field) in lacking)):
        lacking.remove((*parent, meant))
        return Finding("error", stray.path, f"{_has_no((*parent, meant))}; {_misspelt(stray.path, meant)}")
    if meant := messages.near_miss(stray.word, stray.known):
        return Finding("warning", stray.path, _misspelt(stray.path, meant))
    return Finding("warning", stray.path, f"`{field_name(stray.path)}` is not a field that is known here")


def _misspelt(path: Path, meant: str) -> str:
    return f"`{field_name(path)}`: did you mean `{meant}`?"


def _has_no(path: Path) -> str:
    *parent, field = path
    owner = f"`{field_name(tuple(parent))}`" if parent else "the document"
    return f"{owner} has no `{field}`"


def _unseen(stray: schema_index.UnknownField) -> str:
    """Word a value of an open enumeration that nobody has seen yet."""
    problem = f"`{field_name(stray.path)}` is {messages.brief(stray.word)}"
    meant = messages.near_miss(stray.word, stray.known)
    if meant:
        return f"{problem}: did you mean {messages.brief(meant)}?"
    return f"{problem}, known are {', '.join(messages.brief(known) for known in stray.known)}"


def _wrong(fault: _Fault) -> str:
    """Word a value that the schema does not allow, with the way out where it is plain."""
    owner = f"`{field_name(fault.path)}`" if fault.path else "the document"
    problem = f"{owner} is {messages.brief(fault.value)}, expected {messages.expectation(fault.node)}"
    if isinstance(fault.value, str):
        meant = messages.near_miss(
            fault.value, tuple(one for one in fault.node.get("enum", ()) if isinstance(one, str))
        )
        return f"{problem}; did you mean {messages.brief(meant)}?" if meant else problem
    types = fault.node.get("type", ())
    if isinstance(fault.value, bool | int | float) and "string" in types and "boolean" not in types:
        return f"{problem}; put it in quotes if it is meant as text"
    return problem


def _in_order(document: Json, findings: Iterable[Finding]) -> list[Finding]:
    """Sort the findings as their places come in the document."""
    orders: dict[int, dict[str, int]] = {}  # a mapping's keys with their position, by the mapping's id

    def place(path: Path) -> Iterator[int]:
        found: Any = document
        for step in path:
            if isinstance(found, dict) and id(found) not in orders:
                orders[id(found)] = {key: position for position, key in enumerate(found)}
            yield step if isinstance(step, int) else orders[id(found)][step]
            found = found[step]

    return sorted(findings, key=lambda finding: (tuple(place(finding.path)), finding.severity, finding.message))
