"""The kinds of resources: each module here that has a ``KIND``. CONTRIBUTING.md lists what else a new kind needs."""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from dlsync.resources.endpoint import CachedVersion, Listing
from dlsync.resources.file_format import ExportContext, LoadContext, SourceFile
from dlsync.resources.kind import Kind

__all__ = ["CachedVersion", "ExportContext", "Kind", "Listing", "LoadContext", "SourceFile", "all_kinds", "kind_of", "places"]


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order in which an apply takes them."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(sorted((m.KIND for m in modules if hasattr(m, "KIND")), key=lambda kind: kind.order))


@cache
def kind_of(name: str) -> Kind:
    """Return the kind of a name."""
    return {kind.name: kind for kind in all_kinds()}[name]


def places(kinds: Iterable[Kind]) -> list[str]:
    """Return the files and folders at the root of a tree that can hold resources of these kinds."""
    return sorted({place for kind in kinds for place in kind.places})
