"""Check documents against the JSON Schemas of the files, and look up what a schema says of a path.

jsonschema-rs checks types and missing fields. An unknown field or value is only a warning, which suggests a similar
known one, because the service has fields that the schemas lack.
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
    """A problem that a schema finds in a document.

    :param path: of the value; for a missing field, of the mapping that lacks it.
    :param missing: the field that is missing.
    """

    code: Code
    path: Path
    message: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class SchemaNode:
    """A part of a schema, which describes one value of a document.

    :param fields: of a mapping, by name; empty if any name is allowed.
    :param others: the values of a mapping under names that users choose.
    :param items: the items of a list.
    :param choices: the known values, if others are possible.
    :param owned: the fields that only the server sets.
    :param defaults: of optional fields, the values that mean the same as leaving the field out.
    :param nullable: the fields in which null means the same as leaving the field out.
    """

    fields: "Mapping[str, SchemaNode]" = field(default_factory=dict)
    others: "SchemaNode | None" = None
    items: "SchemaNode | None" = None
    choices: tuple[str, ...] = ()
    owned: frozenset[str] = frozenset()
    defaults: Mapping[str, Json] = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()

    def under(self, step: str | int) -> "SchemaNode | None":
        """Return the node of a key or a position."""
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
        hint = "Its resources are in dlsync.yaml: run `dlsync schema dlsync`." if name in kinds() else ""
        raise DlsyncError(f"there is no schema {brief(name)}", hint=hint or f"There are: {', '.join(names())}.")
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def kinds() -> tuple[str, ...]:
    """Return the kinds of resources, as the schema of dlsync.yaml names them."""
    return tuple(_schema("dlsync")["$defs"]["kind"]["enum"])


def check(name: str, document: Json) -> list[Finding]:
    """Return the problems that a schema finds in a document, in the document's order."""
    try:
        validator = _validator(name)
        # not iter_errors: its paths turn a key "7" into `7` and drop empty keys (jsonschema-rs 0.60)
        errors = [] if validator.is_valid(document) else validator.evaluate(document).errors()
    except ValueError:  # jsonschema-rs raises it for 255 levels, keys that are no text, and lone surrogates
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
    """Whether a schema finds no error in a document; takes a thirtieth of the time of :func:`check`."""
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
    """Return the node at a path; all positions of a list have the same node."""
    node: SchemaNode | None = _root(name)
    for step in path:
        node = node.under(step) if node else None
    return node or _NOTHING


def arranged(name: str, document: Mapping[str, Json]) -> dict[str, Json]:
    """Return the document for a new file: in the schema's order, without fields that only the server sets."""
    return cast("dict[str, Json]", in_schema_order(_root(name), dict(document)))


def in_schema_order(node: SchemaNode, document: Json) -> Json:
    """Return a document in a node's order, without fields that only the server sets; unknown fields come last."""
    if isinstance(document, list):
        return [in_schema_order(node.items or _NOTHING, item) for item in document]
    if not isinstance(document, dict):
        return document
    order = [name for name in node.fields if name in document and name not in node.owned]
    order += sorted(document.keys() - node.fields.keys())
    return {name: in_schema_order(node.under(name) or _NOTHING, document[name]) for name in order}


def ordered(name: str, path: Path, fields: Collection[str]) -> list[str]:
    """Return the fields of the mapping at a path in the schema's order; unchanged if the schema has none."""
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
    """Convert a part of a JSON Schema.

    It reads ``properties``, ``items``, ``additionalProperties`` as a schema, ``$ref`` into itself, ``allOf``, and
    ``anyOf`` with an ``enum``, which is an open enumeration.
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
    """Yield a part of a schema, and the parts that it includes by ``$ref`` and ``allOf``."""
    yield node
    if "$ref" in node:
        yield from parts(schema, reduce(getitem, node["$ref"].removeprefix("#/").split("/"), schema))
    for part in node.get("allOf", ()):
        yield from parts(schema, part)


def unknown_fields(node: SchemaNode, document: Json, lacking: set[Path], path: Path = ()) -> Iterator[Finding]:
    """Yield a warning for each unknown field and value, in the document's order.

    :param lacking: the missing fields; if a field is misspelt, the correct one is removed from them.
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
        field + (f": did you mean `{near}`?" if near else " is not a known field"),
    )


def _follow(document: Json, pointer: str) -> tuple[Path, Any]:
    """Return the path of a JSON pointer (RFC 6901) in a document, and the value there."""
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
    """Return the message for a value that a part of the schema does not allow, with an obvious fix if there is one."""
    owner = f"`{field_name(path)}`" if path else "the document"
    problem = f"{owner} is {brief(value)}, expected {messages.expectation(rule)}"
    if isinstance(value, str):
        near = near_miss(value, tuple(one for one in rule.get("enum", ()) if isinstance(one, str)))
        return f"{problem}; did you mean {brief(near)}?" if near else problem
    types = rule.get("type", ())
    if isinstance(value, bool | int | float) and "string" in types and "boolean" not in types:
        return f"{problem}; put it in quotes if it is meant as text"
    return problem
