"""The kinds of resources. A module here with a ``KIND`` is one: adding it, and its schema, is all that is needed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from dlsync.diff.list_match import ListMatching
from dlsync.resources.context import CachedVersion, ExportContext, Listing, LoadContext, SourceFile
from dlsync.resources.kind import Kind

__all__ = [
    "CachedVersion",
    "ExportContext",
    "Kind",
    "ListMatching",
    "Listing",
    "LoadContext",
    "SourceFile",
    "all_kinds",
    "kind_of",
]


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order in which an apply takes them."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(sorted((m.KIND for m in modules if hasattr(m, "KIND")), key=lambda kind: kind.order))


@cache
def _by_name() -> dict[str, Kind]:
    return {kind.name: kind for kind in all_kinds()}


def kind_of(name: str) -> Kind:
    """Return the kind of that name.

    :raises KeyError: there is none; what comes from a user is checked before.
    """
    return _by_name()[name]
