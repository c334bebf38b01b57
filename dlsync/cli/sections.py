"""The commands in ``dlsync --help``, by what they are for: one list of thirty is none that anybody reads."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SECTIONS = {
    "Files": ("init", "import-backup", "validate", "render", "packs"),
    "Files and server": ("plan", "apply", "drift", "accept", "export"),
    "What is managed": ("adopt", "release", "inventory"),
    "Runs": ("history", "rollback", "unlock"),
    "Around it": ("doctor", "schema", "serve"),
}
_REST = "The API by hand"


class Sectioned(TyperGroup):
    """A group whose help has its commands in sections."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the sections."""
        known = [name for names in SECTIONS.values() for name in names]
        return [*known, *(name for name in super().list_commands(ctx) if name not in known)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections, the commands of all of them aligned."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        room = formatter.width - width - 4
        rest = tuple(name for name in names if not any(name in section for section in SECTIONS.values()))
        for title, section in {**SECTIONS, _REST: rest}.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:{width}}", self.commands[name].get_short_help_str(room)) for name in section]
                )
