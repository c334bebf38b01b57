"""YAML files: what they mean, where their parts stand, and how to write and edit them."""

from dlsync.files.yaml.dump import dump
from dlsync.files.yaml.edit import rewrite
from dlsync.files.yaml.errors import InvalidYaml
from dlsync.files.yaml.parse import parse
from dlsync.files.yaml.syntax import AmbiguousScalar, ambiguous_scalars, nearest, positions

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
