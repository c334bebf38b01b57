"""A command's name completed in bash, zsh or fish, without typer: the process that a shell starts for each Tab.

All else is typer's, whose answers and scripts these are; a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlsync.cli.sections import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTRUCTION = "_DLSYNC_COMPLETE"
_WORDS = {
    "complete_bash": "COMP_WORDS",
    "complete_zsh": "_TYPER_COMPLETE_ARGS",
    "complete_fish": "_TYPER_COMPLETE_ARGS",
}
_PROGRAM_AND_WORD = 2
_TOLD = "_sanitize_help_text"
_NO_LETTER = {".", "/", "_", "-"}


def answer(environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Return what the shell is told, and the exit code; None where more is asked for than the name of a command."""
    shell = environ[INSTRUCTION]
    begun = _begun(environ.get(_WORDS.get(shell, ""), ""))
    if begun is None or (shell == "complete_bash" and environ.get("COMP_CWORD") != "1"):
        return None
    found = {name: purpose for name, purpose in PURPOSES.items() if name.startswith(begun)}
    if shell == "complete_bash":
        return "\n".join(found) + "\n", 0
    if shell == "complete_zsh":
        return _for_zsh(found), 0
    return _for_fish(found, environ.get("_TYPER_COMPLETE_FISH_ACTION", ""))


def tell_plainly() -> None:
    """Have typer tell purposes as they are; where a release does that in another way, it is left to it.

    It would draw them with rich, which takes 70 ms, and breaks long ones; fish takes each line for something to offer.
    """
    from typer import _completion_classes as shells

    if _TOLD in vars(shells):
        vars(shells)[_TOLD] = str


def _begun(line: str) -> str | None:
    """Return what there is of the word after the program's; None where there are more, or what may be quoted."""
    words = line.replace("\n", " ").split(" ")  # bash sends a line for each
    begun = words[-1]
    plain = all(character.isalnum() or character in " ./_-\n" for character in line)
    return begun if plain and len(words) == _PROGRAM_AND_WORD and words[0] and begun[:1] not in _NO_LETTER else None


def _for_zsh(found: Mapping[str, str]) -> str:
    if not found:
        return "_files\n"
    items = "\n".join(f'"{name}":"{_escaped(purpose)}"' for name, purpose in found.items())
    return f"_arguments '*: :(({items}))'\n"


def _for_fish(found: Mapping[str, str], action: str) -> tuple[str, int]:
    if action == "is-args":
        return "", 0 if found else 1
    items = "\n".join(f"{name}\t{purpose}" for name, purpose in found.items())
    return (items if action == "get-args" else "") + "\n", 0


def _escaped(purpose: str) -> str:
    return purpose.replace('"', '""').replace("'", "''").replace("$", "\\$").replace("`", "\\`").replace(":", r"\\:")
