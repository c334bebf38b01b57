"""Comments in files silence the warnings of their line."""

from pathlib import Path

import pytest

from dlsync import operations
from dlsync.files.settings import Options
from dlsync.model import Code, Problem
from dlsync.resources.tree import Tree, unsilenced
from tests.builders.trees import write_tree

WARNING = Problem(Code.UNKNOWN_FIELD, "w", "a.yaml", 2)
ERROR = Problem(Code.MISSING_FIELD, "e", "a.yaml", 2)


@pytest.mark.parametrize(
    ("comment", "is_silent"),
    [
        ("# dlsync: ignore", True),
        ("#dlsync:ignore since it is right", True),
        ("# dlsync: ignore unknown-field", True),
        ("# dlsync: ignore likely-secret, unknown-field: it is right", True),
        ("# dlsync: ignore likely-secret unknown-field", True),
        ("# dlsync: ignore likely-secret", False),
        ("# dlsync: ignore unknwon-field", False),
        ("# dlsync: ignored", False),
        ("# dlsync: Ignore UNKNOWN-FIELD", True),
        ("# dlsync: ignore LIKELY-SECRET", False),
        ("# dlsync", False),
    ],
)
def test_a_comment_silences_all_warnings_of_its_line_or_only_the_named_codes(comment: str, is_silent: bool) -> None:
    contents = {"a.yaml": f"a: 1\nb: 2  {comment}\nc: 3\n".encode()}
    assert unsilenced([WARNING, ERROR], contents) == ((ERROR,) if is_silent else (WARNING, ERROR))


def test_a_comment_keeps_warnings_of_other_lines_of_other_files_and_without_a_line() -> None:
    elsewhere = [Problem(WARNING.code, "w", *place) for place in (("a.yaml", 1), ("b.yaml", 1), ("a.yaml", None), ())]
    assert unsilenced(elsewhere, {"a.yaml": b"a: 1\nb: 2  # dlsync: ignore\n"}) == tuple(elsewhere)


def test_a_comment_silences_warnings_in_every_kind_of_file(tmp_path: Path) -> None:
    token = "# dlsync: ignore likely-secret\n"
    widget = "{title: CPU laod, type: number}"
    write_tree(
        tmp_path,
        {
            "dlsync.yaml": f"environments: {{prod: {{}}}}\nvariables:\n  password: s3cr3tw0rd  {token}",
            "dashboards/web.yaml": "positions: [{title: CPU load, type: number}]\n",
            "overlays/prod/dashboards/web.yaml": f"positions:\n  - {widget}  # dlsync: ignore item-only-in-overlay\n",
            "rules/web.yaml": "criteria: []\nowner: on  # dlsync: ignore\n",
            "links.yaml": "disk: [web]  # dlsync: ignore unknown-plugin\n",
            "plugins/a.sh": f"#!/bin/sh\ncurl -H 'X: ghp_{'a1B2' * 9}'  {token}",
        },
    )
    assert operations.validate(tmp_path).warnings == ()
    assert operations.validate(tmp_path, Options(environment="prod")).warnings == ()
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        file.write_text(file.read_text().replace("dlsync: ignore", ""))
    found = {one.code for one in operations.validate(tmp_path).warnings}
    assert found >= {Code.LIKELY_SECRET, Code.ITEM_ONLY_IN_OVERLAY, Code.AMBIGUOUS_VALUE, Code.UNKNOWN_PLUGIN}


def test_with_problems_silences_added_warnings() -> None:
    tree = Tree(Path(), sources={"a.yaml": b"\nb  # dlsync: ignore\n"})
    assert tree.with_problems([WARNING, ERROR]).problems == (ERROR,)
