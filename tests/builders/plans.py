"""Plans, and strategies for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dlsync.model import Address, Code, FieldChange, Plan, Problem, ResourceChange, Target

if TYPE_CHECKING:
    from dlsync.model import Action, Cause, Json, Masked, Path


TARGET = Target("http://127.0.0.1:8080/api/v1", "acme", "default")


def added(path: Path, after: Json, line: int | None = None) -> FieldChange:
    return FieldChange(path, "add", after=after, line=line)


def removed(path: Path, before: Json) -> FieldChange:
    return FieldChange(path, "remove", before=before)


def replaced(path: Path, before: Json, after: Json, line: int | None = None) -> FieldChange:
    return FieldChange(path, "replace", before, after, line)


def masked(how: Masked, one: FieldChange) -> FieldChange:
    return replace(one, masked=how)


def moved(path: Path, before: int, after: int, line: int | None = None) -> FieldChange:
    return FieldChange(path, "replace", {"index": before}, {"index": after}, line, moved=True)


def change(
    action: Action, address: str, *diff: FieldChange, file: str = "", line: int | None = None, cause: Cause = "repo"
) -> ResourceChange:
    return ResourceChange(Address(*address.split("/", 1)), action, cause, file, line, diff)


def plan(*changes: ResourceChange, unchanged: int = 0, commit: str = "", warnings: tuple[Problem, ...] = ()) -> Plan:
    return Plan(TARGET, changes, unchanged, commit, warnings)


HOSTILE = (
    "|",
    "\\|",
    "`",
    "```",
    "</details>",
    "<b>x</b>",
    "<!--",
    "&lt;",
    "[a](b)",
    "![a](b)",
    "*a*",
    "a\n\nb",
    "\x1b[2J",
)
CI_COMMANDS = ("##[", "##vso[", "##teamcity[", "section_start:", "section_end:", "travis_fold:")
CI_LINES = ("::error file=a::b", " ::add-mask::e", "a\n::set-output name=x::v", "::")
LINKS = ("@team", "a@b.io", "https://x.io", "www.x.io")


def assert_harmless(text: str) -> None:
    """Check that no line of a text is a command for a terminal or a CI runner."""
    for line in text.split("\n"):
        assert line.isprintable()
        assert not line.lstrip().startswith("::"), line
        assert not [command for command in CI_COMMANDS if command in line], line


def any_text() -> st.SearchStrategy[str]:
    """Return a strategy for texts with any characters, and with commands for terminals, CI, HTML or Markdown."""
    return st.lists(
        st.text(st.characters(), max_size=5) | st.sampled_from(HOSTILE + LINKS + CI_COMMANDS + CI_LINES), max_size=4
    ).map("".join)


def any_json() -> st.SearchStrategy[Json]:
    leaves: st.SearchStrategy[Json] = st.none() | st.booleans() | st.integers() | st.floats() | any_text()
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text(), inner, max_size=3), max_leaves=4
    )


def any_change() -> st.SearchStrategy[ResourceChange]:
    line = st.none() | st.integers(1, 999)
    path: st.SearchStrategy[Path] = st.lists(any_text() | st.integers(0, 99), min_size=1, max_size=3).map(tuple)
    mover = st.sampled_from([None, "repo", "drift", "conflict", "kept"])
    plain = (
        st.builds(added, path, any_json(), line)
        | st.builds(removed, path, any_json())
        | st.builds(replaced, path, any_json() | any_text(), any_json() | any_text(), line)
        | st.builds(moved, path, st.integers(0, 9), st.integers(0, 9), line)
    )
    outline = st.lists(any_text(), max_size=3).map(tuple)
    difference = st.builds(lambda one, mover, lines: replace(one, mover=mover, outline=lines), plain, mover, outline)
    return st.builds(
        ResourceChange,
        st.builds(Address, st.sampled_from(["dashboard", "rule", "plugin"]), any_text()),
        st.sampled_from(["create", "update", "delete"]),
        st.sampled_from(["repo", "drift", "conflict", "new"]),
        any_text(),
        line,
        st.lists(difference, max_size=3).map(tuple),
        st.sampled_from([None, "applied", "failed", "skipped"]),
        any_text(),
        any_text(),
        st.lists(difference, max_size=2).map(tuple),
        any_text(),
    )


def any_plan() -> st.SearchStrategy[Plan]:
    warning = st.builds(Problem, st.sampled_from(Code), any_text(), any_text(), st.none() | st.integers(1, 99))
    return st.builds(
        Plan,
        st.builds(Target, any_text(), any_text(), any_text()),
        st.lists(any_change(), max_size=4).map(tuple),
        st.integers(0, 9999),
        any_text(),
        st.lists(warning, max_size=2).map(tuple),
    )
