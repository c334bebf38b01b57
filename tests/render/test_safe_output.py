"""Hostile texts of files and servers give output that is harmless on a terminal and in a CI runner."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dlsync.files.writer import FileChange
from dlsync.messages import json_text
from dlsync.model import Address, Code, Plan, Problem
from dlsync.operations.export import Export
from dlsync.operations.render import SentFile
from dlsync.render import environments, problems
from dlsync.render.fields import unified
from dlsync.render.files import export_document, render_export, render_sent, sent_document
from tests.builders.plans import CI_COMMANDS, CI_LINES, TARGET, any_plan, any_text, assert_harmless

PROBLEM = st.builds(Problem, st.sampled_from(Code), any_text(), any_text(), st.none() | st.integers(1, 9))
ADDRESS = st.builds(Address, st.just("rule"), any_text())


@given(st.lists(PROBLEM, max_size=3))
def test_hostile_problems_are_harmless_in_text_and_json(found: list[Problem]) -> None:
    assert_harmless(problems.render(found, resources=1, color=False))
    assert_harmless(json_text(problems.as_document(found, resources=1)))


@given(st.lists(st.builds(FileChange, ADDRESS, st.just("update"), any_text(), st.just(b"")), max_size=3).map(tuple))
def test_hostile_exports_are_harmless_in_text_and_json(changes: tuple[FileChange, ...]) -> None:
    assert_harmless(render_export(Export(TARGET, changes, 0), written=True, color=False))
    assert_harmless(json_text(export_document(Export(TARGET, changes, 0))))


@given(st.lists(st.builds(SentFile, ADDRESS, any_text(), any_text().map(lambda text: text.encode(errors="replace")))))
def test_hostile_sent_files_are_harmless_in_text_and_json(files: list[SentFile]) -> None:
    assert_harmless(render_sent(files).replace("\t", " "))
    assert_harmless(json_text(sent_document(files)))


@given(any_text(), any_plan(), any_text())
def test_hostile_environments_are_harmless_in_text_json_and_markdown(name: str, plan: Plan, error: str) -> None:
    ended = [environments.EnvironmentResult(name, plan), environments.EnvironmentResult(f"{name}2", error=error)]
    assert_harmless(environments.headline(name, color=False))
    assert_harmless(environments.summary(ended, color=False))
    assert_harmless(json_text(environments.as_document(ended)))
    assert_harmless(environments.render_markdown(ended))


@given(st.lists(st.sampled_from([*CI_LINES, *CI_COMMANDS]) | any_text(), min_size=1, max_size=6), st.integers(0, 5))
def test_hostile_context_lines_of_a_diff_are_harmless(lines: list[str], at: int) -> None:
    before = "\n".join(lines)
    after = "\n".join([*lines[:at], "changed", *lines[at:]])
    assert_harmless("\n".join(unified(before, after)))
