"""YAML text, and nothing but: what it means, where its parts stand, and how to write and rewrite it.

ruamel.yaml is imported only where a text needs it: importing this package, and parsing an ordinary file, do not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlsync.yamlfile.dumper import dump
    from dlsync.yamlfile.parser import parse
    from dlsync.yamlfile.places import nearest, positions
    from dlsync.yamlfile.rewriter import rewrite
    from dlsync.yamlfile.source import InvalidYaml

__all__ = ["InvalidYaml", "dump", "nearest", "parse", "positions", "rewrite"]

_HOMES = {
    "InvalidYaml": "source",
    "dump": "dumper",
    "nearest": "places",
    "parse": "parser",
    "positions": "places",
    "rewrite": "rewriter",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, and only then (PEP 562): who only reads needs nothing that writes."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found  # asked for once a file
    return found
