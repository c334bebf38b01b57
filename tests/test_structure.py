"""The rules of ARCHITECTURE.md that a tool for imports cannot see."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parent.parent / "dlsync"
MODULES = sorted(PACKAGE.rglob("*.py"))
KIND_COMPARED = re.compile(
    r"\bkind\b(?:\.name)? *(?:==|!=|(?:not )?in\b).*[\"'](?:dashboard|rule|plugin|link|account)s?[\"']"
)


def functions(module: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def statements(module: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines below the signature for a command, whose signature lists its options for the parser."""
    listed = function.body[0].lineno - function.lineno if module.parent.name == "cli" else 0
    return length(function) - listed


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_module_is_short_and_has_short_functions_and_no_vague_name(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= 450
    lengths = [(one.name, statements(module, one)) for one in functions(module)]
    assert [f"{name}: {lines} lines" for name, lines in lengths if lines > 40] == []
    assert module.stem not in {"utils", "util", "helpers", "common", "misc"}


def test_half_of_all_functions_are_shorter_than_ten_lines() -> None:
    assert median(length(function) for module in MODULES for function in functions(module)) < 10


@pytest.mark.parametrize(
    "module", [one for one in MODULES if one.parent.name != "resources"], ids=lambda one: str(one.relative_to(PACKAGE))
)
def test_no_module_outside_of_resources_compares_a_kind_with_a_literal_name(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if KIND_COMPARED.search(line)] == []


def test_the_pattern_for_kinds_finds_comparisons_with_literal_names() -> None:
    assert KIND_COMPARED.search('    if change.address.kind == "plugin":')
    assert KIND_COMPARED.search('    elif kind.name in ("rule", "link"):')
    assert not KIND_COMPARED.search("    if change.address.kind == kind.name:")


@pytest.mark.parametrize("mark", ["noqa", "type: ignore", "pragma: no cover"])
def test_a_suppression_comment_gives_its_reason_on_its_line(mark: str) -> None:
    reasoned = re.compile(rf"# {mark}(?:\[[\w, -]+\]|: [A-Z0-9, ]+)? +[-#]+ \w+")
    lines = [line for module in MODULES for line in module.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if f"# {mark}" in line and not reasoned.search(line)] == []
