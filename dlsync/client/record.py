"""Decode JSON objects of responses as dataclasses, and encode dataclasses as JSON."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import Field, fields, is_dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from dlsync.client.response import Response, items_of, json_of
from dlsync.errors import BadAnswer
from dlsync.model import Json

OnBad = Callable[[BadAnswer], None]

T = TypeVar("T")
Text = Annotated[str, msgspec.Meta(min_length=1)]  # must be there
NAMES = "names"  # metadata of a field of a dataclass: the API's names of it; the first with a value counts
_REST = frozenset({"extra", "document"})


def record_from(response: Response, cls: type[T], item: Json, **known: Any) -> T:
    """Decode a JSON object as a dataclass; its field ``extra`` or ``document`` gets what the other fields do not name.

    A field without a default is required.

    :param known: values of fields that the object lacks.
    :raises BadAnswer: a field is missing or of another type; names operation and field.
    """
    what = cls.__name__.strip("_")
    if not isinstance(item, dict):
        raise response.bad(f"unexpected {what}: expected a JSON object")
    rest, values = dict(item), dict(known)
    for each in fields(cls):  # type: ignore[arg-type] # a type has no name for "of dataclasses"
        found = [rest.pop(key, None) for key in _keys(each)]
        value = next((value for value in found if value not in (None, "")), found[0] if found else None)
        if value or (value is not None and each.name not in known):
            values[each.name] = value
    values |= dict.fromkeys(_REST, rest)
    try:
        return msgspec.convert(values, cls, from_attributes=True)
    except msgspec.ValidationError as error:
        raise response.bad(f"unexpected {what}: {error}") from None


def _keys(attribute: Field[Any]) -> tuple[str, ...]:
    """Return the API's names of a field, of which the first is written."""
    return () if attribute.name in _REST else attribute.metadata.get(NAMES, (attribute.name,))


def json_as(response: Response, kind: type[T]) -> T:
    """Decode the body, which must be JSON of a type.

    :raises BadAnswer: it is not.
    """
    try:
        return msgspec.convert(json_of(response), kind)
    except msgspec.ValidationError as error:
        raise response.bad(str(error)) from None


def record_of(response: Response, cls: type[T], **known: Any) -> T:
    """Decode the body, which must be a JSON object, as a dataclass; see :func:`record_from`."""
    return record_from(response, cls, json_of(response), **known)


def records_of(response: Response, cls: type[T], on_bad: OnBad | None = None, **known: Any) -> Iterator[T]:
    """Yield the items of the body, which must be a JSON list of objects, as dataclasses; see :func:`record_from`.

    :param on_bad: is called with the error of each item that cannot be read; None raises it.
    """
    for item in items_of(response, on_bad):
        try:
            if not isinstance(item, dict):
                raise response.bad("expected a JSON list of objects")
            record = record_from(response, cls, item, **known)
        except BadAnswer as error:
            if on_bad is None:
                raise
            on_bad(error)
        else:
            yield record


def api_document(result: Any) -> Json:
    """Encode a result of a client's family as JSON, with the API's names and the fields that no attribute names.

    Secrets (fields without a repr, such as the agent keys of an account) are left out. Bytes are base64, as in the API.
    A field that the server did not send is empty or null.

    :param result: one result, or several.
    """
    if is_dataclass(result):
        shown = [item for item in fields(result) if item.repr]
        document = {key: api_document(getattr(result, item.name)) for item in shown for key in _keys(item)[:1]}
        return document | {key: value for name in _REST for key, value in getattr(result, name, {}).items()}
    if isinstance(result, tuple) and hasattr(result, "_asdict"):
        return {name: api_document(value) for name, value in result._asdict().items()}
    if isinstance(result, tuple):
        return [api_document(item) for item in result]
    value: Json = base64.b64encode(result).decode() if isinstance(result, bytes) else result
    return value
