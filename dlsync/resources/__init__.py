"""The kinds of resources: each module here that has a ``KIND``. CONTRIBUTING.md lists what else a new kind needs."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from dlsync.resources.endpoint import CachedVersion, Listing
from dlsync.resources.file_format import ExportContext, LoadContext, SourceFile
from dlsync.resources.kind import Kind

__all__ = ["CachedVersion", "ExportContext", "Kind", "Listing", "LoadContext", "SourceFile", "all_kinds", "kind_of"]


@cache
def all_kinds() -> tuple[Kind, ...]:
    """Return every kind, in the order in which an apply takes them."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(sorted((m.KIND for m in modules if hasattr(m, "KIND")), key=lambda kind: kind.order))


@cache
def kind_of(name: str) -> Kind:
    """Return the kind of a name."""
    return {kind.name: kind for kind in all_kinds()}[name]
