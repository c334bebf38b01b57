"""YAML text, and nothing but: what it means, where its parts stand, and how to write and rewrite it.

ruamel.yaml is imported only where a text needs it: importing this package, and parsing an ordinary file, do not.
"""

from dlsync.yamlfile.dumper import dump
from dlsync.yamlfile.parser import parse
from dlsync.yamlfile.places import nearest, positions
from dlsync.yamlfile.rewriter import rewrite
from dlsync.yamlfile.source import InvalidYaml

__all__ = ["InvalidYaml", "dump", "nearest", "parse", "positions", "rewrite"]
