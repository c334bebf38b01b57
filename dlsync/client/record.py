"""One JSON object of an answer: fields are taken from it one by one, and what is left nobody here has a name for."""

from __future__ import annotations

import base64
import math
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from dlsync.client.response import items_of, json_of
from dlsync.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dlsync.client.response import Response
    from dlsync.model import Json

    OnBad = Callable[[BadAnswer], None]

T = TypeVar("T")
# where the API has another word than the attribute
_WORDS = {"os_name": "osName", "unit": "uom"}
# what is part of the record itself
_SPREAD = frozenset({"extra", "document"})


class Record:
    """Gives out its fields; one that is missing or of another type is a BadAnswer that names operation and field.

    :param answer: that it came in.
    :param fields: the object; left as it is.
    :param path: of the object in the item that the answer is a list of, with a dot after it.
    """

    def __init__(self, answer: Response, fields: Mapping[str, Json], path: str = "") -> None:
        self._answer = answer
        self._left = dict(fields)
        self._path = path

    def text(self, *names: str) -> str:
        """Take the first of the fields that is a text and not empty; the others of them are gone as well."""
        for value in [self._left.pop(name, None) for name in names]:
            if isinstance(value, str) and value:
                return value
        raise self._missing("text", *names)

    def text_if_any(self, name: str) -> str:
        """Take a text; empty where there is none or it is null."""
        value = self._left.pop(name, None)
        if value is None or isinstance(value, str):
            return value or ""
        raise self._answer.bad(f"the field `{self._path}{name}` is no text")

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of texts."""
        texts = _all(str, self._left.pop(name, None))
        if texts is None:
            raise self._missing("list of texts", name)
        return tuple(texts)

    def number_if_any(self, *names: str) -> float | None:
        """Take the first of the fields that is not null; None where all are null. True and false are 1 and 0.

        The others of them are gone as well.
        """
        taken = [self._left.pop(name) for name in names if name in self._left]
        value = next((one for one in taken if one is not None), None)
        if value is None and taken:
            return None
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise self._missing("number", *names)

    def number(self, name: str) -> float:
        """Take a number as it is."""
        value = self.number_if_any(name)
        if value is None:
            raise self._missing("number", name)
        return value

    def json(self, name: str) -> Json:
        """Take whatever there is; None for nothing."""
        return self._left.pop(name, None)

    def record(self, name: str) -> Record:
        """Take an object."""
        value = self._left.pop(name, None)
        if isinstance(value, dict):
            return Record(self._answer, value, f"{self._path}{name}.")
        raise self._missing("object", name)

    def records(self, name: str) -> list[Record]:
        """Take a list of objects."""
        objects = _all(dict, self._left.pop(name, None))
        if objects is None:
            raise self._missing("list of objects", name)
        return [Record(self._answer, item, f"{self._path}{name}.") for item in objects]

    @property
    def rest(self) -> dict[str, Json]:
        """The fields that were not taken so far."""
        return dict(self._left)

    def _missing(self, expected: str, *names: str) -> BadAnswer:
        fields = "` or `".join(self._path + name for name in names)
        return self._answer.bad(f"the field `{fields}` is missing or no {expected}")


def record_of(answer: Response) -> Record:
    """Return the body, which must be a JSON object."""
    value = json_of(answer)
    if not isinstance(value, dict):
        raise answer.bad("expected a JSON object")
    return Record(answer, value)


def records_of(answer: Response) -> Iterator[Record]:
    """Yield the objects of the body, which must be a JSON list of such."""
    return made_of(answer, lambda record: record)


def made_of(answer: Response, make: Callable[[Record], T], on_bad: OnBad | None = None) -> Iterator[T]:
    """Yield what is made of each object of the body, which must be a JSON list.

    :param on_bad: is called for each item of which nothing can be made; None: that is raised.
    """
    for item in items_of(answer, on_bad):
        try:
            if not isinstance(item, dict):
                raise answer.bad("expected a JSON list of objects")
            made = make(Record(answer, item))
        except BadAnswer as error:
            if on_bad is None:
                raise
            on_bad(error)
        else:
            yield made


def texts_of(answer: Response) -> tuple[str, ...]:
    """Return the body, which must be a JSON list of texts."""
    texts = _all(str, json_of(answer))
    if texts is None:
        raise answer.bad("expected a JSON list of texts")
    return tuple(texts)


def _all(kind: type[T], value: Json) -> list[T] | None:
    """Return the items of what must be a list, each of that type; None where it is not."""
    if not isinstance(value, list):
        return None
    items = [item for item in value if isinstance(item, kind)]
    return items if len(items) == len(value) else None


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
    if is_dataclass(result):
        return _document({field.name: getattr(result, field.name) for field in fields(result) if field.repr})
    if isinstance(result, tuple) and hasattr(result, "_asdict"):
        return _document(result._asdict())
    if isinstance(result, tuple):
        return [api_document(item) for item in result]
    if isinstance(result, bytes):
        return base64.b64encode(result).decode()
    value: Json = result
    return value


def _document(attributes: Mapping[str, Any]) -> dict[str, Json]:
    named = {_WORDS.get(name, name): api_document(value) for name, value in attributes.items() if name not in _SPREAD}
    return named | {name: value for spread in _SPREAD for name, value in attributes.get(spread, {}).items()}
