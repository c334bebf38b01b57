"""What a schema knows of each place in a document, compiled once, so that a document is walked in microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlsync.model import Json, Path

    Node = Mapping[str, Any]  # a schema, or a part of one

_COLLECTIONS = (dict, list)


@dataclass(frozen=True, slots=True)
class Known:
    """What a schema knows of the fields of one mapping.

    :param fields: those that a file may have; None where the mapping is unknown, or its keys are the user's own.
    :param owned: those that only the server sets.
    :param defaults: those that may be left out, each with the value that means the same.
    :param nullable: those of which null means that they are left out.
    """

    fields: frozenset[str] | None = None
    owned: frozenset[str] = frozenset()
    defaults: Mapping[str, Json] = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a schema knows of one place.

    :param fields: those that a mapping has by name; None where any name goes.
    :param others: what a mapping has under names that are the user's own.
    :param items: what a list holds.
    :param choices: the values seen so far, where unseen ones are possible.
    :param default: the value that means the same as leaving it out, if there is one.
    :param read_only: whether only the server sets it.
    :param nullable: whether it may be null.
    :param leads_on: whether there is anything to look for from here on.
    """

    fields: Mapping[str, Shape] | None
    others: Shape | None
    items: Shape | None
    choices: tuple[Json, ...]
    default: tuple[Json, ...]
    read_only: bool
    nullable: bool
    leads_on: bool

    def under(self, step: str | int) -> Shape | None:
        """Return what is known one step further down."""
        if isinstance(step, int):
            return self.items
        return self.fields.get(step, self.others) if self.fields else self.others

    def known(self, path: Path) -> Known:
        """Return what is known of the fields of the mapping at a path from here."""
        if path:
            inner = self.under(path[0])
            return inner.known(path[1:]) if inner else Known()
        if self.fields is None:
            return Known()
        return Known(
            fields=frozenset(name for name, shape in self.fields.items() if not shape.read_only),
            owned=frozenset(name for name, shape in self.fields.items() if shape.read_only),
            defaults={name: default for name, shape in self.fields.items() for default in shape.default},
            nullable=frozenset(name for name, shape in self.fields.items() if shape.nullable),
        )


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field or a value that the schema has not heard of.

    :param word: the field's name, or the value.
    :param known: the fields, or the values, that it knows there.
    """

    path: Path
    word: str
    is_field: bool
    known: tuple[str, ...]


def compiled(schema: Node) -> Shape:
    """Return the shape of a whole schema.

    :param schema: of JSON Schema 2020-12, it reads ``properties``, ``items``, ``additionalProperties`` as a schema,
        ``$ref`` into itself, ``allOf``, and ``anyOf`` with an ``enum``, the way to write an open enumeration.
    """
    return _compiled(schema, schema)


def _compiled(schema: Node, node: Node) -> Shape:
    made_of = list(parts(schema, node))
    fields = {key: _compiled(schema, sub) for part in made_of for key, sub in part.get("properties", {}).items()}
    others = [_compiled(schema, part["additionalProperties"]) for part in made_of if "additionalProperties" in part]
    items = [_compiled(schema, part["items"]) for part in made_of if "items" in part]
    choices = [value for part in made_of for branch in part.get("anyOf", ()) for value in branch.get("enum", ())]
    return Shape(
        fields=fields or None,
        others=others[0] if others else None,
        items=items[0] if items else None,
        choices=tuple(choices),
        default=tuple(part["default"] for part in made_of if "default" in part),
        read_only=any("readOnly" in part for part in made_of),
        nullable=any("null" in part.get("type", ()) for part in made_of),
        leads_on=any((fields, choices, *(shape.leads_on for shape in others + items))),
    )


def parts(schema: Node, node: Node) -> Iterator[Node]:
    """Yield the node and all that it is made of by ``$ref`` and ``allOf``."""
    yield node
    if "$ref" in node:
        yield from parts(schema, reduce(getitem, node["$ref"].removeprefix("#/").split("/"), schema))
    for part in node.get("allOf", ()):
        yield from parts(schema, part)


def arranged(shape: Shape | None, document: Json) -> Json:
    """Return the document without what only the server sets, and the fields of each mapping in the shape's order.

    :param shape: what is known of its place, if anything; fields that are not known come last, by name.
    """
    if isinstance(document, list):
        items = shape.items if shape else None
        return [arranged(items, item) if isinstance(item, _COLLECTIONS) else item for item in document]
    if not isinstance(document, dict):
        return document
    known = (shape.fields if shape else None) or {}
    result: dict[str, Json] = {}
    for name, inner in known.items():
        if name in document and not inner.read_only:
            value = document[name]
            result[name] = arranged(inner, value) if isinstance(value, _COLLECTIONS) else value
    for name in sorted(document.keys() - known.keys()):
        result[name] = arranged(shape.others if shape else None, document[name])
    return result


def strays(shape: Shape, document: Json) -> list[UnknownField]:
    """Return what the shape has not heard of, in the document's order."""
    found: list[UnknownField] = []
    _walk(shape, document, (), found)
    return found


def _walk(shape: Shape, document: Json, path: Path, found: list[UnknownField]) -> None:
    if isinstance(document, dict):
        fields, others = shape.fields or {}, shape.others
        for key, value in document.items():
            inner = fields.get(key, others)
            if inner is None:
                if fields:
                    writable = tuple(name for name, known in fields.items() if not known.read_only)
                    found.append(UnknownField((*path, key), key, is_field=True, known=writable))
            elif inner.leads_on and not (isinstance(value, str) and value in inner.choices):
                _walk(inner, value, (*path, key), found)
    elif isinstance(document, list):
        if shape.items and shape.items.leads_on:
            for position, value in enumerate(document):
                _walk(shape.items, value, (*path, position), found)
    elif isinstance(document, str) and shape.choices and document not in shape.choices:
        found.append(UnknownField(path, document, is_field=False, known=tuple(str(choice) for choice in shape.choices)))
