"""Generate tables from the JSON Schemas: docs/settings.md, docs/schemas.md, and the plan of docs/json.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parent.parent / "dlsync" / "schemas"
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
}
SETTINGS = """\
<!-- made by scripts/reference.py -->
# Settings

```
dlsync doctor               # show each setting and its source
dlsync schema dlsync        # print the schema of dlsync.yaml
```

An option overrides an environment variable, which overrides `dlsync.yaml` and its environment. All fields of
`dlsync.yaml` are optional.

| setting | option | variable | in `dlsync.yaml` |
| --- | --- | --- | --- |
| address of the API | `--url` | `DLSYNC_URL` | `url` |
| organisation | `--org` | `DLSYNC_ORG` | `org` |
| account | `--account` | `DLSYNC_ACCOUNT` | `account` |
| environment | `--environment`, `-e` | `DLSYNC_ENVIRONMENT` | none; `environments` lists them |
| key of the API | `--api-key-file` | `DLSYNC_API_KEY` | none: a key is a secret |

[environments](environments.md) explains variables and overlays, [ownership](ownership.md) explains `prune`, `protect`
and `inventory`, and [limits](limits.md) the limits on requests.

## dlsync.yaml

"""
FILES = """\
<!-- made by scripts/reference.py -->
# File formats

```
dlsync schema KIND          # print the JSON Schema of a kind
dlsync validate             # check the files
```

`dlsync init` writes the schemas into `schemas/`, where [editors](editors-and-hooks.md) find them. If you omit a field
without a default, the server decides its value. dlsync sends fields that are not in the schema too, with a
[warning](findings.md). [files](files.md) describes the folders, and [settings](settings.md) `dlsync.yaml`.
"""
KINDS = ("dashboard", "rule", "plugin", "link", "package")


def settings() -> str:
    """Return the page about the settings."""
    schema = schema_of("dlsync")
    return SETTINGS + table(schema, [*_rows(schema, schema["$defs"]["settings"]), *_rows(schema, schema)])


def files() -> str:
    """Return the page about the files of resources."""
    return FILES + "".join(map(sections, KINDS))


def schema_of(name: str) -> dict[str, Any]:
    """Return a schema by its name."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def sections(name: str) -> str:
    """Return a schema as a section, with a subsection for each mapping that it defines."""
    schema = schema_of(name)
    title, _, path = schema["title"].partition(": ")
    where = f"`{path}`. " if path else ""
    text = f"\n## {title}\n\n{where}{schema['description']}\n\n{table(schema, _rows(schema, schema))}"
    for part, node in schema.get("$defs", {}).items():
        if "properties" in node:
            text += f"\n### {name}: {part}\n\n{node['description']}\n\n{table(schema, _rows(schema, node))}"
    return text


def table(schema: dict[str, Any], rows: list[tuple[str, dict[str, Any], bool]]) -> str:
    """Return fields as a table, and below it the fields that only the server sets."""
    name = schema["$id"].rpartition(":")[2]
    text = "| field | value | default | meaning |\n| --- | --- | --- | --- |\n"
    for field, node, required in rows:
        if not node.get("readOnly"):
            default = "required" if required else f"`{json.dumps(node['default'])}`" if "default" in node else ""
            meaning = node.get("description") or _resolved(schema, node).get("description", "")
            meaning += _examples(node, meaning)
            text += "| " + " | ".join(map(_cell, (f"`{field}`", _value(name, node), default, meaning))) + " |\n"
    owned = [f"`{field}`" for field, node, _ in rows if node.get("readOnly")]
    return text + (f"\nOnly the server sets {', '.join(owned)}.\n" if owned else "")


def _rows(schema: dict[str, Any], node: dict[str, Any], above: str = "") -> list[tuple[str, dict[str, Any], bool]]:
    """Return the fields of a mapping, and whether each is required; the fields of unnamed mappings have paths."""
    found = []
    for name, field in node.get("properties", {}).items():
        target = _resolved(schema, field)
        named = target is not field and "properties" in target
        found.append((above + name, field if named else target, name in node.get("required", ())))
        found += [] if named else _rows(schema, target, f"{above}{name}.")
    if isinstance(others := node.get("additionalProperties"), dict) and "description" in others:
        found.append((f"{above}<name>", others, False))
    return found


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return found


def _value(name: str, node: dict[str, Any]) -> str:
    """Describe the values of a field."""
    if "$ref" in node:
        title = node["$ref"].rpartition("/")[2]
        # mappings of dlsync.yaml have no sections
        return "mapping" if name == "dlsync" else f"[{title}](#{name}-{title})"
    if "x-expected" in node:
        return str(node["x-expected"])
    if "const" in node or "enum" in node:
        return ", ".join("null" if one is None else f"`{one}`" for one in node.get("enum", [node.get("const")]))
    if "anyOf" in node:
        choices = [choice for one in node["anyOf"] for choice in one.get("enum", ())]
        return ", ".join(f"`{choice}`" for choice in choices) + (", or another" if {} in node["anyOf"] else "")
    types = [node["type"]] if isinstance(node.get("type"), str) else node.get("type", [])
    words = " or ".join(WORDS[one] for one in types if one != "null") or "any"
    return f"list of {_value(name, node['items'])}" if words == "list" and "items" in node else words


def _examples(node: dict[str, Any], meaning: str) -> str:
    """Return the examples of a field, unless its meaning has them."""
    values = [json.dumps(value) for value in node.get("examples", ()) if not isinstance(value, dict)]
    named = all(value.strip('"') in meaning for value in values)
    return "" if named else f" For example {', '.join(f'`{value}`' for value in values)}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
