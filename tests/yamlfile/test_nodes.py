"""The tree of a text: what bounds it, and where its parts are."""

from __future__ import annotations

import pytest

from dlsync.yamlfile import InvalidYaml, parse
from dlsync.yamlfile.nodes import Node, compose
from dlsync.yamlfile.source import decode

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 10)}]\n" for name in "bcdefghi"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins here; expected one in a file"),
        ("a: 1\n...\n---\nb: 2\n", "3:1: a second document begins here; expected one in a file"),
        ("%YAML 1.1\n---\na: yes\n", "1:1: found a directive; expected YAML 1.2 without %TAG"),
        ("%TAG !e! tag:x\n---\na: 1\n", "1:1: found a directive; expected YAML 1.2 without %TAG"),
        ("a: *b", "1:4: the alias *b is not defined above"),
        ("a: &b [*b]", "1:8: the alias *b stands for a collection that contains it"),
        (LAUGHS, "4:36: the aliases expand to more than 10,000 values"),
        (
            "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60,
            "2:64: nested more than 100 levels deep",
        ),
        ("{a:, b: 1}", "1:3: expected a space after ':'"),
    ],
)
def test_what_goes_beyond_one_bounded_document_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidYaml) as caught:
        parse(text.encode())
    assert str(caught.value) == message


def test_aliases_stand_for_values_of_their_own() -> None:
    value = parse(b"%YAML 1.2\n---\na: &x [1]\nb: *x\nc: &x 2\nd: *x\n")
    assert value == {"a": [1], "b": [1], "c": 2, "d": 2}
    assert isinstance(value, dict)
    assert value["a"] is not value["b"]


def test_line_breaks_of_yaml_1_1_are_characters() -> None:
    assert parse("a: x\u2028y\nb: 'p\x85q'\nc: \ufeffz\n".encode()) == {"a": "x\u2028y", "b": "p\x85q", "c": "\ufeffz"}


def test_a_long_comment_behind_a_key_without_value_costs_nothing() -> None:
    assert parse(f"? a {'# ' * 500}\n? b".encode()) == {"a": None, "b": None}


def nothings(node: Node, text: str) -> list[str]:
    here = [text[: node.start]] if node.form == "scalar" and node.start == node.end else []
    return here + [found for child in node.children for found in nothings(child, text)]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("a:  # c\n# d\nb:\n", ["a:", "a:  # c\n# d\nb:"]),
        ("-\n- # c\n- x\n", ["-", "-\n-"]),
        ("&x\n- \n", ["&x\n-"]),
        ("{a, b: , c}", ["{a", "{a, b:", "{a, b: , c"]),
        ("- a:\n  b: 1\n-\n", ["- a:", "- a:\n  b: 1\n-"]),
    ],
)
def test_a_value_that_is_not_written_stands_behind_its_colon_or_dash(text: str, before: list[str]) -> None:
    root = compose(decode(text.encode()))
    assert root is not None
    assert nothings(root, text) == before


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a: |\n  x\n\n\nb: 1\n", "|\n  x"),
        ("a: |+\n  x\n\nb: 1\n", "|+\n  x\n"),
        ("a: >- # + c\n  x\n\nb: 1\n", ">- # + c\n  x"),
        ("a: |\n\nb: 1\n", "|"),
    ],
)
def test_a_block_scalar_ends_with_its_last_line(text: str, written: str) -> None:
    root = compose(decode(text.encode()))
    assert root is not None
    block = root.children[1]
    assert text[block.start : block.end] == written
