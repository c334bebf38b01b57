"""The JSON Schemas of the files, and what is wrong with a document by them.

Structure (types, missing fields) is judged by jsonschema-rs. A field or value that a schema has not heard of is no
error, since the service has fields that nobody here has seen: it is warned of, with the near miss named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from importlib.resources import files
from operator import getitem
from typing import TYPE_CHECKING, Any

from dlsync import shape, wording, yamlfile
from dlsync.errors import DlsyncError
from dlsync.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema_rs import Draft202012Validator, ValidationError

    from dlsync.model import Json, Path, Severity

_FOLDER = files("dlsync") / "schemas"
_SUFFIX = ".schema.json"
_NOT_PLAIN = "this cannot be checked: it is nested too deeply, or a key or a character in it is not text"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a schema says of a document.

    :param path: keys and list positions that lead to it; for a missing field, to the mapping that lacks it.
    """

    severity: Severity
    path: Path
    message: str


def names() -> tuple[str, ...]:
    """Return the names of the schemas that dlsync ships, sorted."""
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in _FOLDER.iterdir() if file.name.endswith(_SUFFIX)))


def text(name: str) -> str:
    """Return a schema's JSON text, as it is shipped.

    :raises DlsyncError: there is no schema of that name.
    """
    if name not in names():
        raise DlsyncError(f"there is no schema {wording.value(name)}", hint=f"There are: {', '.join(names())}.")
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def check(name: str, document: Json) -> list[Finding]:
    """Return all that a schema says of a document, in the document's order; empty where it is fine.

    :param name: one of :func:`names`.
    :param document: as parsed from YAML or JSON; it is left alone.
    :raises DlsyncError: there is no schema of that name.
    """
    try:
        errors = list(_validator(name).iter_errors(document))
    except ValueError:  # jsonschema-rs on 255 levels or more, keys that are no text, lone surrogates
        return [Finding("error", (), _NOT_PLAIN)]
    strays = shape.strays(_shape(name), document)
    if not errors and not strays:
        return []
    found = _findings(name, document, errors, strays)
    return sorted(found, key=lambda finding: (_rank(document, finding.path), finding.severity, finding.message))


def located(findings: Iterable[Finding], file: str, content: bytes) -> list[Problem]:
    """Return the findings as problems of a file, each with the line and column of its path.

    :param file: relative to the tree.
    :param content: the YAML that the document was parsed from.
    """
    findings = list(findings)
    places = yamlfile.positions(content) if findings else {}
    return [Problem(one.severity, one.message, file, *_nearest(places, one.path)) for one in findings]


def _nearest(places: Mapping[Path, tuple[int, int]], path: Path) -> tuple[int | None, int | None]:
    for length in range(len(path), -1, -1):
        if place := places.get(path[:length]):
            return place
    return None, None


def fields_at(name: str, path: Path) -> frozenset[str] | None:
    """Return the fields that a file may have in the mapping at a path.

    :param path: keys and list positions; which position makes no difference.
    :returns: None where the schema knows no mapping, or one whose keys are the user's own.
    """
    return _known(name, _anywhere(path)).fields


def owned_at(name: str, path: Path) -> frozenset[str]:
    """Return the fields of the mapping at a path that only the server sets (``readOnly``)."""
    return _known(name, _anywhere(path)).owned


def defaults_at(name: str, path: Path) -> Mapping[str, Json]:
    """Return the fields of the mapping at a path that may be left out, each with the value that means the same."""
    return _known(name, _anywhere(path)).defaults


def rank(name: str, path: Path, field: str) -> tuple[int, str]:
    """Return where a field belongs among those of the mapping at a path: in the schema's order, unknown ones last."""
    order = _known(name, _anywhere(path)).order
    return order.get(field, len(order)), field


def _anywhere(path: Path) -> Path:
    return tuple(0 if isinstance(step, int) else step for step in path)


@lru_cache(maxsize=4096)
def _known(name: str, path: Path) -> shape.Known:
    return _shape(name).known(path)


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(text(name))
    return schema


def _node(name: str, path: Iterable[str | int]) -> dict[str, Any]:
    node: Any = _schema(name)
    for step in path:
        node = node[step]
    return dict(node)


@cache
def _shape(name: str) -> shape.Shape:
    return shape.compiled(_schema(name))


@cache
def _validator(name: str) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415 - 10 ms that `--help` and completion do not need

    return Draft202012Validator(_schema(name))


def _findings(name: str, document: Json, errors: list[ValidationError], strays: list[shape.Stray]) -> Iterator[Finding]:
    missing = [error for error in errors if error.kind.name == "required"]
    lacking: set[Path] = {(*error.instance_path, error.kind.as_dict()["property"]) for error in missing}
    for stray in strays:
        yield _stray(document, stray, lacking)
    for path in lacking:
        yield Finding("error", path[:-1], _has_no(path))
    wrong = {tuple(error.instance_path): error.schema_path for error in errors if error.kind.name != "required"}
    for path, schema_path in wrong.items():
        yield Finding("error", path, _wrong(document, path, _node(name, schema_path[:-1])))


def _stray(document: Json, stray: shape.Stray, lacking: set[Path]) -> Finding:
    """Word what the schema has not heard of; a field that stands for a lacking one takes that with it."""
    if not stray.is_field:
        return Finding("warning", stray.path, _unseen(stray, str(_at(document, stray.path))))
    *parent, key = stray.path
    missing = tuple(field for field in stray.known if (*parent, field) in lacking)
    meant = wording.near_miss(str(key), missing)
    if meant:
        lacking.remove((*parent, meant))
        return Finding("error", stray.path, f"{_has_no((*parent, meant))}; {_misspelt(stray.path, meant)}")
    meant = wording.near_miss(str(key), stray.known)
    if meant:
        return Finding("warning", stray.path, _misspelt(stray.path, meant))
    return Finding("warning", stray.path, f"`{wording.place(stray.path)}` is not a field that is known here")


def _misspelt(path: Path, meant: str) -> str:
    return f"`{wording.place(path)}`: did you mean `{meant}`?"


def _has_no(path: Path) -> str:
    *parent, field = path
    owner = f"`{wording.place(tuple(parent))}`" if parent else "the document"
    return f"{owner} has no `{field}`"


def _unseen(stray: shape.Stray, value: str) -> str:
    """Word a value of an open enumeration that nobody has seen yet."""
    problem = f"`{wording.place(stray.path)}` is {wording.value(value)}"
    meant = wording.near_miss(value, stray.known)
    if meant:
        return f"{problem}: did you mean {wording.value(meant)}?"
    return f"{problem}, known are {', '.join(wording.value(known) for known in stray.known)}"


def _wrong(document: Json, path: Path, node: Mapping[str, Any]) -> str:
    """Word a value that the schema's node does not allow, with the way out where it is plain."""
    value = _at(document, path)
    owner = f"`{wording.place(path)}`" if path else "the document"
    problem = f"{owner} is {wording.value(value)}, expected {wording.expectation(node)}"
    meant = wording.near_miss(value, tuple(node.get("enum", ()))) if isinstance(value, str) else None
    if meant:
        return f"{problem}; did you mean {wording.value(meant)}?"
    types = node.get("type", ())
    if isinstance(value, bool | int | float) and "string" in types and "boolean" not in types:
        return f"{problem}; put it in quotes if it is meant as text"
    return problem


def _at(document: Json, path: Path) -> Json:
    found: Json = reduce(getitem, path, document)  # type: ignore[arg-type]  # a path of this document fits its containers
    return found


def _rank(document: Json, path: Path) -> tuple[int, ...]:
    """Return where a path stands in the document, comparable with that of its other paths."""
    found: Any = document
    ranks = []
    for step in path:
        ranks.append(step if isinstance(step, int) else list(found).index(step))
        found = found[step]
    return tuple(ranks)
