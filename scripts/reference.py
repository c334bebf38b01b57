"""``make reference``: generate pages of docs/ from the code."""

from __future__ import annotations

from pathlib import Path

from scripts import api_reference, cli_reference, json_reference, schema_reference, server_reference

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    "api.md": api_reference.reference,
    "cli.md": cli_reference.reference,
    "json.md": json_reference.reference,
    "schemas.md": schema_reference.files,
    "server.md": server_reference.reference,
    "settings.md": schema_reference.settings,
}

if __name__ == "__main__":
    for name, reference in PAGES.items():
        (DOCS / name).write_text(reference(), encoding="utf-8")
