"""The results of several environments as text, JSON and Markdown."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dlsync.model import Plan, ResourceChange, Target
from dlsync.operations import plan_document
from dlsync.render import plan_markdown
from dlsync.render.environments import EnvironmentResult, as_document, headline, render_markdown, summary
from tests.builders.plans import added
from tests.builders.trees import address

TARGET = Target("http://127.0.0.1/api/v1", "acme", "default")
CREATE = ResourceChange(address("rule/a"), "create", "new", "rules/a.yaml", 1)
STAGING = Plan(TARGET, (CREATE,), 3)
PRODUCTION = Plan(TARGET, (), 4)
ALL = [
    EnvironmentResult("staging", STAGING),
    EnvironmentResult("production", PRODUCTION),
    EnvironmentResult("odd\x1b", error="no | answer"),
]


def test_the_summary_has_a_line_for_each_environment_and_a_total() -> None:
    assert summary(ALL, color=False) == (
        "All environments:\n"
        "  staging     1 to create, 0 to update, 0 to delete, 3 unchanged\n"
        "  production  no changes, 4 unchanged\n"
        "  odd\\x1b     failed: no | answer\n"
        "Total: 1 to create, 0 to update, 0 to delete, 7 unchanged; 1 of 3 environments failed.\n"
    )


def test_the_total_after_an_apply_counts_applied_and_failed_changes() -> None:
    applied = Plan(TARGET, (CREATE.finished("applied"), CREATE.finished("failed", "no")))
    assert summary([EnvironmentResult("a", applied), EnvironmentResult("b", PRODUCTION)], color=False).endswith(
        "Total: 1 created, 0 updated, 0 deleted, 1 failed.\n"
    )


def test_headings_are_bold_on_a_terminal() -> None:
    assert headline("a\x1b", color=False) == "Environment a\\x1b:\n\n"
    assert headline("a", color=True) == "\x1b[1mEnvironment a:\x1b[0m\n\n"


def test_json_is_one_document_of_plans_and_errors() -> None:
    assert as_document(ALL) == {
        "format_version": 1,
        "environments": {
            "staging": plan_document.as_document(STAGING),
            "production": plan_document.as_document(PRODUCTION),
            "odd\x1b": {"error": "no | answer", "problems": []},
        },
        "summary": {"create": 1, "update": 0, "delete": 0, "unchanged": 7, "conflict": 0, "failed": 1, "refused": 0},
    }


def test_markdown_has_an_escaped_section_for_each_environment() -> None:
    text = render_markdown(ALL)
    assert text.startswith("### <code>staging</code>\n\n**dlsync plan** for <code>acme/default</code>: 1 to create")
    assert "\n### <code>odd&#92;x1b</code>\n\n**dlsync plan failed**: <code>no &#124; answer</code>\n" in text
    assert text.endswith(
        "\n**Total**: 1 to create, 0 to update, 0 to delete, 7 unchanged; 1 of 3 environments failed.\n"
    )


def test_markdown_of_several_environments_fits_the_limit_of_a_single_plan() -> None:
    large = Plan(
        TARGET,
        tuple(
            ResourceChange(address(f"rule/{n}"), "update", "repo", diff=(added(("x",), "y" * 100),)) for n in range(500)
        ),
    )
    assert len(render_markdown([EnvironmentResult(f"environment-{n}", large) for n in range(9)])) < plan_markdown.LIMIT


@given(st.integers(1, 60), st.integers(2_000, 20_000))
def test_markdown_fits_any_limit_and_shows_deletes_of_all_environments_before_updates(count: int, limit: int) -> None:
    changes = [ResourceChange(address(f"rule/{n}"), "update", "repo", diff=(added(("x",), "y"),)) for n in range(40)]
    gone = ResourceChange(address("rule/gone"), "delete", "repo")
    large = Plan(TARGET, (*changes, gone))
    results = [EnvironmentResult(f"environment-{n}", large if n % 2 else None, "no answer") for n in range(count)]
    text = render_markdown(results, limit=limit, marker="<!-- -->\n")
    assert len(text) <= limit
    assert text.startswith("<!-- -->\n### ")
    assert text.count("<details>") == text.count("</details>")
    if text.count("| delete |") < count // 2:
        assert "| update |" not in text
    if text.count("\n### ") < count:
        assert f"{count - text.count(chr(10) + '### '):,} environment" in text


def test_an_environment_whose_plan_an_apply_refuses_is_shown_as_refused_and_counted() -> None:
    ended = [EnvironmentResult("staging", replace(STAGING, refused=("too many.", "too few."))), ALL[1], ALL[2]]
    text = summary(ended, color=False)
    assert "  staging     refused by an apply\n" in text
    total = "; 1 of 3 environments failed; 1 of 3 environments refused by an apply.\n"
    assert text.endswith(total)
    assert render_markdown(ended).endswith(total)
    assert as_document(ended)["summary"]["refused"] == 1
