"""The floor of a validation: read every file of a tree, and parse YAML with dlsync's parser.

Argument: the tree.
"""

import sys
from pathlib import Path

from dlsync.files import yaml

for folder in ("dashboards", "plugins", "rules"):
    for path in Path(sys.argv[1], folder).rglob("*.*"):
        content = path.read_bytes()
        if path.suffix == ".yaml":
            yaml.parse(content)
