"""Reading: the fast reader and the strict one agree, and neither is hurt by anything."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.yamlfile import InvalidYaml, parse
from dlsync.yamlfile.construct import construct
from dlsync.yamlfile.matching import same
from dlsync.yamlfile.nodes import compose
from dlsync.yamlfile.source import decode
from tests.builders.yaml import DOCUMENTS, maybe_yaml, spelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlsync.model import Json


def strictly(content: bytes) -> Json:
    source = decode(content)
    return construct(compose(source), source)


def outcome(read: Callable[[bytes], Json], content: bytes) -> str:
    try:
        return repr(read(content))
    except InvalidYaml as error:
        return str(error)


@given(maybe_yaml())
@example("_.5")
@example("0x1f_")
@example("- 1_000")
@example("a: -0x1\nb: 0b1\nc: +0o7\nd: 0X1")
@example("a: |\n")
@example("a: |\n x")
@example("{a: |\n x\n}\n")
@example("{a\n b: c}\n")
@example("{:a}")
@example("{a:}")
@example("{?}")
@example("['':1]")
@example("a\n---\nb")
@example("%YAML 1.1\n--- a")
@example("...")
@example("? {}\n: a")
@example("a: é\u2028")
@example('"\\uD83D\\uDE00"')
@example("1" * 5000)
@example("1e999")
@example("a: &b c\nd: *b")
@example("!")
@example("a\tb")
@example("# c\n---\na: 1\n")
@example("[a: 1]\n")
@example('{\n  "a": {\n    "b": [1, 2]\n  }\n}\n')
def test_the_fast_reader_says_what_the_strict_one_says(text: str) -> None:
    assert outcome(parse, text.encode()) == outcome(strictly, text.encode())


@given(st.data(), DOCUMENTS)
def test_a_document_means_the_same_in_every_style(data: st.DataObject, document: dict[str, Json]) -> None:
    assert same(parse(data.draw(spelled(document)).content), document)


@pytest.mark.parametrize("content", [b"", b"# only a comment\n", b"---\n", b"\xef\xbb\xbf", b"\n\n", b"~", b"null"])
def test_a_file_without_a_document_is_none(content: bytes) -> None:
    assert parse(content) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 10_000,
        "{a: " * 10_000,
        "- " * 100_000,
        "? " * 100_000,
        "- ? " * 100_000,
        "\n".join(" " * level + "a:" for level in range(1_000)),
        "\n".join(" " * level + "-" for level in range(1_000)),
        "[" * 101 + "]" * 101,
        "\n".join(" " * level + "a:" for level in range(99)) + " [[[]]]",
    ],
    ids=lambda text: text[:8],
)
def test_nesting_without_end_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(InvalidYaml, match="nested more than 100 levels deep"):
        parse(text.encode())


def test_a_hundred_levels_are_allowed() -> None:
    value = parse(b"[" * 100 + b"]" * 100)
    for _ in range(99):
        assert isinstance(value, list)
        (value,) = value
    assert value == []


def test_an_ordinary_file_is_read_without_the_slow_library() -> None:
    program = (
        "import sys, dlsync.yamlfile as y\n"
        "y.parse('# c\\n---\\ntitle: Größe *\\nl:\\n  - a: 1\\n    b: [x, 2.5]\\nt: |\\n  Hi!\\nz: 1\\n'.encode())\n"
        "y.dump({'a': [1]})\n"
        "sys.exit('ruamel.yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
