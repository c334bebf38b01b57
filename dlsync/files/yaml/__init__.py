"""YAML files: what they mean, where their parts stand, and how to write and edit them."""

from dlsync.files.yaml.dump import dump
from dlsync.files.yaml.edit import rewrite
from dlsync.files.yaml.read import ambiguous_scalars, nearest, numbers, parse, positions
from dlsync.files.yaml.source import InvalidYaml

__all__ = ["InvalidYaml", "ambiguous_scalars", "dump", "nearest", "numbers", "parse", "positions", "rewrite"]
