"""Parse, write, format and edit YAML, and find the places of values in it."""

from dlsync.files.yaml.dump import dump
from dlsync.files.yaml.edit import rewrite
from dlsync.files.yaml.read import ambiguous_scalars, nearest, numbers, parse, positions
from dlsync.files.yaml.source import InvalidYaml

__all__ = ["InvalidYaml", "ambiguous_scalars", "dump", "nearest", "numbers", "parse", "positions", "rewrite"]
