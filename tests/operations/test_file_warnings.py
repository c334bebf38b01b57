"""Warnings about likely mistakes in valid files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.files.yaml import ambiguous_scalars
from dlsync.operations import file_warnings
from dlsync.operations.validate import validate
from tests.builders.trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

_SCALAR = st.sampled_from(["on", "No", "12:30", "0777", "1_0", "0b1", "2001-01-01", "<<", "=", "1e3", "-.5", "x"])


def warnings(root: Path, files: dict[str, str]) -> list[str]:
    """Return the warnings of a tree as ``file:line:column: message``."""
    return [f"{one.file}:{one.line}:{one.column}: {one.message}" for one in validate(write_tree(root, files)).problems]


# YAML 1.1
def test_a_scalar_with_another_value_in_yaml_1_1_is_a_warning_with_its_place_and_a_fix(tmp_path: Path) -> None:
    files = {
        "dashboards/a.yaml": "title: on\nx: 12:30\n",
        "rules/b.yaml": "title: B\ncriteria: []\ny: [0777, 'on', 1e3]\n",
        "plugins/on.sh": "yes: on\n",
        "links.yaml": "'on': [yes]\n",
    }
    found = [one for one in warnings(tmp_path, files) if "YAML 1.1" in one]
    assert found == [
        "dashboards/a.yaml:1:8: `on` has another value in YAML 1.1: put it in quotes",
        "dashboards/a.yaml:2:4: `12:30` has another value in YAML 1.1: put it in quotes",
        "rules/b.yaml:3:5: `0777` has another value in YAML 1.1: put it in quotes, or write the number as 777",
        "rules/b.yaml:3:17: `1e3` has another value in YAML 1.1: put it in quotes, or write the number as 1000.0",
    ]


def test_an_ignore_comment_on_the_line_suppresses_the_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, {"dashboards/a.yaml": "title: on  # dlsync: ignore\npositions: []\n"}) == []


@example(scalars=["..."], flow=False)
@example(scalars=["-:"], flow=False)
@given(
    scalars=st.lists(_SCALAR | st.text("0123456789+-._:eobxno f", min_size=1, max_size=8), max_size=3),
    flow=st.booleans(),
)
def test_the_quick_regular_expression_misses_no_ambiguous_scalar(scalars: list[str], flow: bool) -> None:
    text = f"a: [{', '.join(scalars)}]" if flow else "".join(f"- {scalar}\n" for scalar in scalars)
    content = text.encode()
    assert file_warnings._MAY_BE_AMBIGUOUS.search(content) or not ambiguous_scalars(content)


# comments
NO_CODE = "`%s` is no code, so it ignores nothing; %s"
NEAR = "did you mean `unknown-field`?"
FAR = "docs/findings.md has all; a reason goes behind a colon"


@pytest.mark.parametrize(
    ("comment", "warning"),
    [
        ("ignore unknwon-field", NO_CODE % ("unknwon-field", NEAR)),
        ("ignore likely-secret, UNKNOWN-FEILD: x", NO_CODE % ("unknown-feild", NEAR)),
        ("ignore since-it-is-right", NO_CODE % ("since-it-is-right", FAR)),
        ("ignroe unknown-field", "`dlsync: ignroe`: did you mean `dlsync: ignore`?"),
        ("ignored", "`dlsync: ignored`: did you mean `dlsync: ignore`?"),
        ("ignore unknown-code, unknwon-field", ""),
        ("ignore likely-secret: well-known, and nothing that is here", ""),
        ("ignore it is so-so", ""),
        ("has it", ""),
    ],
)
def test_a_comment_with_an_unknown_code_or_a_misspelt_keyword_is_a_warning(
    tmp_path: Path, comment: str, warning: str
) -> None:
    files = {
        "dlsync.yaml": "environments: {b: {account: b}}\n",
        "dashboards/a.yaml": f"title: A\r\n# dlsync: {comment}\r\npositions: []\r\n",
        "overlays/b/dashboards/a.yaml": f"title: B  # dlsync: {comment}\n",
        "plugins/a.sh": f"#!/bin/sh\n\necho  # dlsync: {comment}\n",
    }
    found = [
        f"{file}: {warning}"
        for file in ("dashboards/a.yaml:2:None", "overlays/b/dashboards/a.yaml:1:None", "plugins/a.sh:3:None")
    ]
    found[1] += " (environment b)"
    assert warnings(tmp_path, files) == (found if warning else [])


@pytest.mark.parametrize("content", [b"a: [on", b"a: &x on", b"on : 1", b"? on\n: 1", b"{a: on}", b"a: on#b"])
def test_the_quick_regular_expression_recognises_the_end_of_a_scalar(content: bytes) -> None:
    assert file_warnings._MAY_BE_AMBIGUOUS.search(content)
