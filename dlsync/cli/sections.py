"""All commands by what they are for, each with its purpose: one list of thirty is none that anybody reads.

Imports nothing, so that help and completion need no command's module; a test holds it and the commands together.
"""

from __future__ import annotations

BY_HAND = {
    "accounts": "The organisation's accounts.",
    "agents": "Agents, one on each host.",
    "annotations": "What happened when, in streams.",
    "dashboards": "Dashboards, one by one.",
    "links": "Which plugins run on the agents of which tags.",
    "metrics": "What agents measure.",
    "plugins": "The scripts that agents run, one by one.",
    "rules": "Alert rules, one by one.",
    "series": "What was measured over time.",
    "tags": "Tags, which agents carry and links name.",
}
SECTIONS = {
    "Files": {
        "init": "Start a directory: settings, samples, CI templates.",
        "import-backup": "Turn an old client's backup into a tree.",
        "validate": "Check the files offline: syntax, schema, names, references.",
        "render": "Show the files as they are sent; secrets stay references.",
        "packs": "The packs of a tree.",
    },
    "Files and server": {
        "plan": "Show what an apply would change; changes nothing.",
        "apply": "Show the plan, ask, and apply it.",
        "drift": "Show what was changed on the server since it was applied.",
        "accept": "Write what was changed on the server into the files.",
        "export": "Write live resources into files; comments and layout stay.",
    },
    "What is managed": {
        "adopt": "Take existing resources into management.",
        "release": "Take resources out of management; they stay live.",
        "inventory": "List managed resources, and rebuild the inventory.",
    },
    "Runs": {
        "history": "List the runs that changed something, the latest first.",
        "rollback": "Revert a run: show the plan, ask, and apply it.",
        "unlock": "Remove the lock of an apply that is dead.",
    },
    "Around it": {
        "doctor": "Check settings, files and server; say what to do.",
        "schema": "Print a JSON Schema, for editors and checks.",
        "serve": "Run a server of dlsync's own, until it is stopped.",
    },
    "The API by hand": BY_HAND,
}
PURPOSES = {name: purpose for section in SECTIONS.values() for name, purpose in section.items()}
GROUPS = frozenset({*BY_HAND, "inventory", "packs"})  # commands that have commands
_TOGETHER = dict.fromkeys(("adopt", "inventory", "release", "unlock"), "state")  # commands that share a module


def home(name: str) -> str:
    """Return the module of a command, below ``dlsync.cli``."""
    word = name.replace("-", "_")
    return f"api.{word}" if name in BY_HAND else _TOGETHER.get(name, word)
