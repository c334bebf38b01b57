"""How far a file indents."""

from __future__ import annotations

import pytest

from dlsync.yamlfile.layout import HOUSE, Layout, layout_of
from dlsync.yamlfile.nodes import compose
from dlsync.yamlfile.source import decode


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("a: 1\nb: {c: [1]}\n", HOUSE),
        ("a:\n    b:\n    - 1\n", Layout(4, 0)),
        ("- a:\n    - b:\n        c: 1\n", Layout(2, 2)),
        ("a: &x\n      b: 1\nc:\n   d: 1\n", Layout(3, 2)),
    ],
)
def test_a_file_indents_as_its_first_mapping_and_list_do(text: str, layout: Layout) -> None:
    source = decode(text.encode())
    root = compose(source)
    assert root is not None
    assert layout_of(root, source) == layout
