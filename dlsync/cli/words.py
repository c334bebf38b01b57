"""The words of a command line turned into values without pydantic, which typer imports for all but flags: 75 ms.

``get_runtime_param`` is typer's own: where a release has it no more, it is never asked for here, and typer does as it
ever does. So it does now with all but the plainest: what could be wrong is typer's to say.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNKNOWN = object()


def quickly_read(command: Any, settings: Mapping[str, Any]) -> None:
    """Have the words of a command turned into values here where they are plain.

    :param settings: of the contexts that the command is run in, which its option for help depends on.
    """
    for one in command.get_params(typer.Context(command, **settings)):
        if hasattr(one, "get_runtime_param") and hasattr(one, "type_descriptor"):
            one.__dict__["get_runtime_param"] = _Plain(one, one.get_runtime_param)


class _Plain:
    """What typer turns a parameter's words into a value with."""

    def __init__(self, parameter: Any, typers: Any) -> None:
        self._typers = typers
        self._annotation = parameter.type_descriptor.annotation
        self._parser = parameter.type_descriptor.parameter_info.parser

    def __call__(self) -> _Plain:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._typers(), name)

    def coerce(self, value: Any, **context: Any) -> Any:
        """Return the value of a word, of several, or a default."""
        found = self._parsed(value) if self._parser and value is not None else _value(value, self._annotation)
        return self._typers().coerce(value, **context) if found is _UNKNOWN else found

    def _parsed(self, word: str) -> Any:
        try:
            return self._parser(word)
        except ValueError:
            return _UNKNOWN


def _value(given: Any, wanted: Any) -> Any:
    if get_origin(wanted) is list:
        values = [_one(word, get_args(wanted)[0]) for word in given or ()]
        return _UNKNOWN if _UNKNOWN in values else values
    return _one(given, wanted)


def _one(given: Any, wanted: Any) -> Any:
    if given is None or isinstance(given, Enum | float | int):  # no word: what the parameter is without one
        return given
    text = str(given)
    if not text.isprintable():
        return _UNKNOWN
    if wanted is str:
        return text
    if wanted is Path:
        return Path(text) if os.access(text, os.R_OK) or not os.path.lexists(text) else _UNKNOWN
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return next((one for one in wanted if one.value == text), _UNKNOWN)
    return _UNKNOWN
