"""Builders of resources and trees."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dlsync import yamlfile
from dlsync.model import Address, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlsync.model import Json


def resource(address: str, document: dict[str, Json] | str, *, file: str = "", body: bytes | None = None) -> Resource:
    """A dashboard or rule from its document or its YAML text; a plugin from its script."""
    kind, name = address.split("/", 1)
    if kind == "plugin":
        script = document if isinstance(document, dict) else {"content": document, "extension": "py"}
        return Resource(Address(kind, name), script, str(script["content"]).encode() if body is None else body, file)
    text = document.encode() if isinstance(document, str) else json.dumps(document).encode() if body is None else body
    parsed = yamlfile.parse(text) if isinstance(document, str) else document
    assert isinstance(parsed, dict)
    return Resource(Address(kind, name), parsed, text, file)


def by_address(*resources: Resource) -> dict[Address, Resource]:
    return {one.address: one for one in resources}


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for file, content in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def tree_files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def widget(title: str, **fields: Json) -> dict[str, Json]:
    place: dict[str, Json] = {"row": 1, "col": 1, "size_x": 2, "size_y": 2}
    shows: dict[str, Json] = {"type": "number", "series": [{"metric": f"{title}.load", "scope": {"tag": "web"}}]}
    return {"title": title, **place, **shows, **fields}


def dashboard(*widgets: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"title": "Web", "period": 3600, **fields, "positions": [*widgets]}


def criterion(metric: str, threshold: Json = 90, **condition: Json) -> dict[str, Json]:
    return {
        "metric": metric,
        "scope": {"tag": "web"},
        "condition": {"threshold": threshold, "timeout": 120, **condition},
    }


def rule(*criteria: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"title": "Web", "criteria": [*criteria], **fields}
