"""Read JSON objects of responses as dataclasses, and write those as JSON again."""

from __future__ import annotations

import base64
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import msgspec

from dlsync.client.response import items_of, json_of
from dlsync.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlsync.client.response import Response
    from dlsync.model import Json

    OnBad = Callable[[BadAnswer], None]

T = TypeVar("T")
Text = Annotated[str, msgspec.Meta(min_length=1)]  # that must be there
_REST = frozenset({"extra", "document"})
NAMES = "names"  # metadata of a dataclass's field: the API's names of it; the first that holds something counts


def record_from(response: Response, cls: type[T], item: Json, path: str = "", **known: Any) -> T:
    """Return a JSON object as a dataclass; its ``extra`` or ``document`` keeps what its other fields do not name.

    A field without a default must be there.

    :param path: of the object in the item that the response is a list of, with a dot after it.
    :param known: values of fields that the object does not hold.
    :raises BadAnswer: a field is missing or of another type; names operation and field.
    """
    if not isinstance(item, dict):
        raise response.bad(f"the field `{path[:-1]}` is missing or no object" if path else "expected a JSON object")
    rest: dict[str, Any] = dict(item)
    values: dict[str, Any] = {}
    for name, names, hint, is_required in _fields(cls):  # type: ignore[arg-type] # a class can be hashed
        if name in _REST:
            values[name] = rest
            continue
        found = [rest.pop(key, None) for key in names]
        value = next((value for value in found if value not in (None, "")), found[0])
        if not value and name in known:
            values[name] = known[name]
            continue
        if value is None and not is_required:
            continue
        if isinstance(hint, type) and is_dataclass(hint):
            values[name] = record_from(response, hint, value, f"{path}{name}.")
            continue
        try:
            values[name] = msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            words = "` or `".join(path + key for key in names)
            raise response.bad(f"the field `{words}` is missing or wrong: {error}") from None
    return cls(**values)


@lru_cache
def _fields(cls: Any) -> list[tuple[str, tuple[str, ...], Any, bool]]:
    """Return name, the API's names, type, and whether it must be there, of each field."""
    hints = get_type_hints(cls, include_extras=True)
    return [
        (
            item.name,
            item.metadata.get(NAMES, (item.name,)),
            hints[item.name],
            item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(cls)
    ]


def record_of(response: Response, cls: type[T], **known: Any) -> T:
    """Return the body, which must be a JSON object, as a dataclass; as :func:`record_from`."""
    return record_from(response, cls, json_of(response), **known)


def records_of(response: Response, cls: type[T], on_bad: OnBad | None = None, **known: Any) -> Iterator[T]:
    """Yield the items of the body, which must be a JSON list of objects, as dataclasses; as :func:`record_from`.

    :param on_bad: is called for each item that cannot be read; None: that is raised.
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


def instant(text: str) -> datetime | None:
    """Return a time of ISO 8601, aware, UTC where it names no zone; None for any other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def api_document(result: Any) -> Json:
    """Return a result of a client's family as JSON, in the API's words, with the fields that no attribute names.

    Secrets (fields that are not shown, such as the agent keys of an account) are left out. Bytes are base64, as in the
    API. A field that the server did not send is empty or null.

    :param result: one result, or several.
    """
    if is_dataclass(result) and not isinstance(result, type):
        shown = [item for item in fields(result) if item.repr]
        keys = {item.name: item.metadata.get(NAMES, (item.name,))[0] for item in shown}
        document: dict[str, Json] = {
            keys[name]: api_document(getattr(result, name)) for name in keys if name not in _REST
        }
        return document | {key: value for name in _REST & keys.keys() for key, value in getattr(result, name).items()}
    if isinstance(result, tuple) and hasattr(result, "_asdict"):
        return {name: api_document(value) for name, value in result._asdict().items()}
    if isinstance(result, tuple):
        return [api_document(item) for item in result]
    value: Json = base64.b64encode(result).decode() if isinstance(result, bytes) else result
    return value
