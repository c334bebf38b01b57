"""Check documents by the JSON Schemas of the files, and say what these know of each place.

jsonschema-rs checks the structure: types, missing fields. A field or value that a schema does not know is a warning
that names the near miss: the service has fields that no schema here has.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, reduce
from operator import getitem
from pathlib import Path as File
from typing import Any, cast

from dlsync import messages
from dlsync.errors import DlsyncError
from dlsync.files import yaml
from dlsync.messages import brief, field_name, near_miss
from dlsync.model import Code, Json, Path, Problem

_FOLDER = File(__file__).parent.with_name("schemas")
_SUFFIX = ".schema.json"
_NOT_PLAIN = "this cannot be checked: it is nested too deeply, or a key or a character in it is not text"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a schema says of a document.

    :param path: keys and list positions that lead to it; for a missing field, to the mapping that lacks it.
    :param missing: the field that is missing.
    """

    code: Code
    path: Path
    message: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """What a schema knows of one place in a document.

    :param fields: what a mapping has by name; empty where any name goes.
    :param others: what a mapping has under names that are the user's own.
    :param items: what a list holds.
    :param choices: the values seen so far, where unseen ones are possible.
    :param owned: the fields that only the server sets.
    :param defaults: the fields that may be left out, each with the value that means the same.
    :param nullable: the fields of which null means that they are left out.
    """

    fields: "Mapping[str, SchemaNode]" = field(default_factory=dict)
    others: "SchemaNode | None" = None
    items: "SchemaNode | None" = None
    choices: tuple[str, ...] = ()
    owned: frozenset[str] = frozenset()
    defaults: Mapping[str, Json] = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()

    def under(self, step: str | int) -> "SchemaNode | None":
        """Return what is known one step further down."""
        return self.items if isinstance(step, int) else self.fields.get(step, self.others)

    def writable(self) -> tuple[str, ...]:
        """Return the fields that a file may have."""
        return tuple(name for name in self.fields if name not in self.owned)


_NOTHING = SchemaNode()


def names() -> tuple[str, ...]:
    """Return the names of the schemas that dlsync ships, sorted."""
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in _FOLDER.glob(f"*{_SUFFIX}")))


def text(name: str) -> str:
    """Return a schema's JSON text, as it is shipped.

    :raises DlsyncError: there is no schema of that name.
    """
    if name not in names():
        there = "Its resources are in dlsync.yaml: run `dlsync schema dlsync`." if name in kinds() else ""
        raise DlsyncError(f"there is no schema {brief(name)}", hint=there or f"There are: {', '.join(names())}.")
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def kinds() -> tuple[str, ...]:
    """Return the kinds of resources, as the schema of dlsync.yaml names them."""
    return tuple(_schema("dlsync")["$defs"]["kind"]["enum"])


def check(name: str, document: Json) -> list[Finding]:
    """Return all that a schema says of a document, in the document's order; empty where it is fine."""
    try:
        validator = _validator(name)
        # not iter_errors: its paths make `7` of a key "7" and drop empty keys (jsonschema-rs 0.60)
        errors = [] if validator.is_valid(document) else validator.evaluate(document).errors()
    except ValueError:  # jsonschema-rs on 255 levels or more, keys that are no text, lone surrogates
        return [Finding(Code.INVALID_VALUE, (), _NOT_PLAIN)]
    lacking: set[Path] = set()
    wrong: dict[Path, Finding] = {}
    for error in errors:
        path, value = _follow(document, error["instanceLocation"])
        pointer, _, keyword = error["schemaLocation"].rpartition("/")
        rule = _follow(_schema(name), pointer)[1]
        if keyword == "required":
            lacking |= {(*path, missing) for missing in rule["required"] if missing not in value}
        else:
            wrong[path] = Finding(Code.INVALID_VALUE, path, _wrong(path, value, rule))
    findings = [*wrong.values(), *unknown_fields(_root(name), document, lacking)]
    findings += [Finding(Code.MISSING_FIELD, path[:-1], _has_no(path), str(path[-1])) for path in lacking]
    order = {path: number for number, path in enumerate(_paths(document, ()) if findings else ())}
    return sorted(findings, key=lambda one: (order[one.path], one.code.severity, one.message))


def allows(name: str, document: Json) -> bool:
    """Whether a schema finds no error in a document, without a word on which: a thirtieth of :func:`check`."""
    try:
        return bool(_validator(name).is_valid(document))
    except ValueError:  # see check
        return False


def located(findings: Iterable[Finding], file: str, content: bytes) -> list[Problem]:
    """Return the findings as problems of a file, each with the line and column of its path in the content."""
    findings = list(findings)
    places = yaml.positions(content) if findings else {}
    return [Problem(one.code, one.message, file, *yaml.nearest(places, one.path)) for one in findings]


@lru_cache(maxsize=4096)
def known_at(name: str, path: Path) -> SchemaNode:
    """Return what is known at a path of keys and list positions; which position makes no difference."""
    node: SchemaNode | None = _root(name)
    for step in path:
        node = node.under(step) if node else None
    return node or _NOTHING


def arranged(name: str, document: Mapping[str, Json]) -> dict[str, Json]:
    """Return the document as a new file has it: in the schema's order, without what only the server sets."""
    return cast("dict[str, Json]", in_schema_order(_root(name), dict(document)))


def in_schema_order(node: SchemaNode, document: Json) -> Json:
    """Return what a node describes without what only the server sets; unknown fields come last, by name."""
    if isinstance(document, list):
        return [in_schema_order(node.items or _NOTHING, item) for item in document]
    if not isinstance(document, dict):
        return document
    order = [name for name in node.fields if name in document and name not in node.owned]
    order += sorted(document.keys() - node.fields.keys())
    return {name: in_schema_order(node.under(name) or _NOTHING, document[name]) for name in order}


def ordered(name: str, path: Path, fields: Collection[str]) -> list[str]:
    """Return the fields of the mapping at a path as :func:`arranged` does; as they are where no field is known."""
    known = [*known_at(name, path).fields]
    if not known:
        return [*fields]
    return sorted(fields, key=lambda one: (known.index(one), "") if one in known else (len(known), one))


@cache
def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(text(name))
    return schema


@cache
def _root(name: str) -> SchemaNode:
    return schema_node(_schema(name), _schema(name))


@cache
def _validator(name: str) -> Any:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator(_schema(name))


def schema_node(schema: Mapping[str, Any], node: Mapping[str, Any]) -> SchemaNode:
    """Return what a part of a JSON Schema knows.

    It reads ``properties``, ``items``, ``additionalProperties`` as a schema, ``$ref`` into itself, ``allOf``, and
    ``anyOf`` with an ``enum``, the way to write an open enumeration.
    """
    made_of = list(parts(schema, node))
    properties = {name: inner for part in made_of for name, inner in part.get("properties", {}).items()}
    fields = {name: list(parts(schema, inner)) for name, inner in properties.items()}
    others = [part["additionalProperties"] for part in made_of if "additionalProperties" in part]
    items = [part["items"] for part in made_of if "items" in part]
    return SchemaNode(
        fields={name: schema_node(schema, inner) for name, inner in properties.items()},
        others=schema_node(schema, others[0]) if others else None,
        items=schema_node(schema, items[0]) if items else None,
        choices=tuple(
            value for part in made_of for branch in part.get("anyOf", ()) for value in branch.get("enum", ())
        ),
        owned=frozenset(name for name, of in fields.items() if any("readOnly" in part for part in of)),
        defaults={name: part["default"] for name, of in fields.items() for part in of if "default" in part},
        nullable=frozenset(name for name, of in fields.items() if any("null" in part.get("type", ()) for part in of)),
    )


def parts(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the node and all that it is made of by ``$ref`` and ``allOf``."""
    yield node
    if "$ref" in node:
        yield from parts(schema, reduce(getitem, node["$ref"].removeprefix("#/").split("/"), schema))
    for part in node.get("allOf", ()):
        yield from parts(schema, part)


def unknown_fields(node: SchemaNode, document: Json, lacking: set[Path], path: Path = ()) -> Iterator[Finding]:
    """Yield what the schema does not know, in the document's order.

    :param lacking: the fields that are missing; a misspelt field takes the one that it was meant to be out of them.
    """
    if isinstance(document, dict):
        for name, value in document.items():
            inner = node.fields.get(name, node.others)
            if inner and (inner.choices or isinstance(value, (dict, list))):
                yield from unknown_fields(inner, value, lacking, (*path, name))
            elif node.fields and not inner:
                yield _unknown_field((*path, name), node.writable(), lacking)
    elif isinstance(document, list) and node.items:
        for position, value in enumerate(document):
            yield from unknown_fields(node.items, value, lacking, (*path, position))
    elif isinstance(document, str) and node.choices and document not in node.choices:
        near = near_miss(document, node.choices)
        guess = f": did you mean {brief(near)}?" if near else f", known are {', '.join(map(brief, node.choices))}"
        yield Finding(Code.UNKNOWN_VALUE, path, f"`{field_name(path)}` is {brief(document)}{guess}")


def _unknown_field(path: Path, known: tuple[str, ...], lacking: set[Path]) -> Finding:
    field, parent = f"`{field_name(path)}`", path[:-1]
    missing = near_miss(str(path[-1]), tuple(name for name in known if (*parent, name) in lacking))
    if missing:
        lacking.remove((*parent, missing))
        return Finding(
            Code.MISSPELLED_FIELD, path, f"{_has_no((*parent, missing))}; {field}: did you mean `{missing}`?"
        )
    near = near_miss(str(path[-1]), known)
    return Finding(
        Code.UNKNOWN_FIELD,
        path,
        field + (f": did you mean `{near}`?" if near else " is not a field that is known here"),
    )


def _follow(document: Json, pointer: str) -> tuple[Path, Any]:
    """Return the path that a JSON pointer (RFC 6901) means in a document, and what is there."""
    found: Any = document
    path: list[str | int] = []
    for part in pointer.split("/")[1:]:
        path.append(int(part) if isinstance(found, list) else part.replace("~1", "/").replace("~0", "~"))
        found = found[path[-1]]
    return tuple(path), found


def _paths(document: Json, path: Path) -> Iterator[Path]:
    yield path
    steps = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else ())
    )
    for step, inner in steps:
        yield from _paths(inner, (*path, step))


def _has_no(path: Path) -> str:
    owner = f"`{field_name(path[:-1])}`" if path[:-1] else "the document"
    return f"{owner} has no `{path[-1]}`"


def _wrong(path: Path, value: Any, rule: Mapping[str, Any]) -> str:
    """Word a value that a part of the schema does not allow, with the way out where it is plain."""
    owner = f"`{field_name(path)}`" if path else "the document"
    problem = f"{owner} is {brief(value)}, expected {messages.expectation(rule)}"
    if isinstance(value, str):
        near = near_miss(value, tuple(one for one in rule.get("enum", ()) if isinstance(one, str)))
        return f"{problem}; did you mean {brief(near)}?" if near else problem
    types = rule.get("type", ())
    if isinstance(value, bool | int | float) and "string" in types and "boolean" not in types:
        return f"{problem}; put it in quotes if it is meant as text"
    return problem
