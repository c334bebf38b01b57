"""YAML files: what they mean, where their parts stand, and how to write and edit them."""

from dlsync.yamlfile.dump import dump
from dlsync.yamlfile.edit import rewrite
from dlsync.yamlfile.errors import InvalidYaml
from dlsync.yamlfile.parse import parse
from dlsync.yamlfile.syntax import AmbiguousScalar, ambiguous_scalars, nearest, positions

__all__ = [
    "AmbiguousScalar",
    "InvalidYaml",
    "ambiguous_scalars",
    "dump",
    "nearest",
    "parse",
    "positions",
    "rewrite",
]
