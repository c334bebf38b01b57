"""Records as the API gives them, from what they were read into."""

from __future__ import annotations

import base64
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlsync.model import Json

# where the API has another word than the attribute
_WORDS = {"os_name": "osName", "unit": "uom"}
# what is part of the record itself
_SPREAD = frozenset({"extra", "document"})


def given(one: Any) -> Json:
    """Return what an operation answered as JSON has it, the fields included that nobody here has a name for.

    What is secret (its field is not shown: the agent keys of an account) is left out; a content of bytes is base64, as
    in the API; a field that the server did not give is empty or null.

    :param one: a result of a client's family, or several.
    """
    if is_dataclass(one):
        return _record({field.name: getattr(one, field.name) for field in fields(one) if field.repr})
    if isinstance(one, tuple) and hasattr(one, "_asdict"):
        return _record(one._asdict())
    if isinstance(one, tuple):
        return [given(item) for item in one]
    if isinstance(one, bytes):
        return base64.b64encode(one).decode()
    value: Json = one
    return value


def _record(attributes: Mapping[str, Any]) -> dict[str, Json]:
    named = {_WORDS.get(name, name): given(value) for name, value in attributes.items() if name not in _SPREAD}
    return named | {name: value for spread in _SPREAD for name, value in attributes.get(spread, {}).items()}
