"""Plans as a comment on a pull request."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dlsync.model import Code, Item, ItemChange, Plan, Problem
from dlsync.render.plan_markdown import LIMIT, code, render, render_failure
from tests.builders.pages import any_page_plan
from tests.builders.plans import LINKS, added, any_plan, assert_harmless, change, moved, plan, replaced

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OWN_HTML = re.compile(r"</?code>|<wbr>")
OWN_BLOCK = re.compile(
    r"<details>\n<summary>(create|update|delete) <code>[^<>]*(<wbr>[^<>]*)*</code></summary>\n|</details>\n"
)
REDIS = change(
    "update",
    "dashboard/redis",
    replaced(("period",), 3600, 600, 3),
    replaced(("description",), "a\n```\nb\n", "a\n````\nb\n", 4),
    moved(("positions", 4), 1, 4, 20),
    added(("locked",), True, 30),
    file="dashboards/redis.yaml",
    line=3,
)
NEW = change("create", "rule/a|b", added(("title",), "Disk"), file="rules/a%7Cb.yaml", line=1, cause="new")
GONE = change("delete", "plugin/old")


def test_an_added_field_is_outlined_in_the_folded_diff() -> None:
    new = replace(added(("criteria",), [{}]), outline=("base.cpu is above 90", "```"))
    shown = render(plan(change("create", "rule/new", new)))
    assert "````diff\n+ criteria: 1 item\n+     base.cpu is above 90\n+     ```\n````\n" in shown


def test_an_updated_item_is_described_by_a_sentence_before_and_after() -> None:
    below, same = Item("cpu is below ```"), Item("cpu is up")
    items = (
        ItemChange("criteria", Item("cpu is\nabove 90"), below, is_changed=True),
        ItemChange("criteria", same, same, is_changed=True),  # it changed in a field that no sentence describes
        ItemChange("criteria", None, same, is_changed=True),
        ItemChange("positions", Item("at the left"), Item("at the right")),  # it only moved
    )
    update = change("update", "rule/x", replaced(("title",), "X", "Y"), added(("criteria", 2), {}))
    shown = render(plan(replace(update, items=lambda: items)))
    said, fields = "- cpu is\\nabove 90\n+ cpu is below ```\n", '- title: "X"\n+ title: "Y"\n+ criteria[2]: {}\n'
    assert f"````diff\n{said}{fields}````" in shown
    assert "cpu is" not in render(plan(replace(update, action="delete", items=lambda: items)))


def test_a_plan_is_a_summary_a_table_and_a_folded_diff_of_each_change() -> None:
    warning = Problem(Code.UNKNOWN_FIELD, "`x` is not a field", "rules/a.yaml", 2, 1)
    assert render(plan(NEW, REDIS, GONE, unchanged=12, warnings=(warning,))) == (
        """\
**dlsync plan** for <code>acme/default</code>: 1 to create, 1 to update, 1 to delete, 12 unchanged.

- warning: <code>rules/a.yaml:2:1: &#96;x&#96; is not a field</code>

| action | resource | file | fields |
| --- | --- | --- | --- |
| delete | <code>plugin/old</code> |  |  |
| create | <code>rule/a&#124;b</code> | <code>rules/a%7Cb.yaml:1</code> | 1 field |
| update | <code>dashboard/redis</code> | <code>dashboards/redis.yaml:3</code> | <code>period</code>, \
<code>description</code>, <code>positions&#91;4&#93;</code> and 1 more |

<details>
<summary>create <code>rule/a&#124;b</code></summary>

```diff
+ title: "Disk"
```

</details>

<details>
<summary>update <code>dashboard/redis</code></summary>

`````diff
- period: 3600
+ period: 600
! description:
@@ -1,3 +1,3 @@
 a
-```
+````
 b
! positions[4]: moved, was positions[1]
+ locked: true
`````

</details>
"""
    )


def test_a_plan_without_changes_is_one_line() -> None:
    assert render(plan(unchanged=12)) == "**dlsync plan** for <code>acme/default</code>: no changes, 12 unchanged.\n"


def test_a_cause_other_than_the_files_is_named() -> None:
    shown = render(plan(change("update", "rule/x", replaced(("title",), "a", "b"), cause="conflict")))
    assert (
        "| update (conflict: changed in the files and on the server) | <code>rule/x</code> |  | <code>title</code> |"
        in shown
    )


def test_held_changes_kept_fields_and_renames_are_shown() -> None:
    held = replace(
        change("update", "rule/x", replaced(("title",), "a", "b"), cause="conflict"),
        held="both | have changed",
        kept=(replaced(("period",), 60, 30),),
    )
    renamed = replace(change("create", "rule/y"), renamed="<z>")
    shown = render(plan(held, renamed))
    held_row = "(conflict: changed in the files and on the server), held: <code>both &#124; have changed</code>"
    assert f"| update {held_row} | <code>rule/x</code> |" in shown
    assert '- title: "a"\n+ title: "b"\n! period: 60 (stays as it was changed on the server)\n```' in shown
    assert "| create, renamed from <code>&#60;z&#62;</code> |" in shown


def test_after_an_apply_the_table_has_the_result_of_each_change() -> None:
    shown = render(plan(NEW.finished("applied"), GONE.finished("failed", "no | such")))
    assert shown.startswith(
        "**dlsync apply** for <code>acme/default</code>: 1 created, 0 updated, 0 deleted, 1 failed."
    )
    assert "| create: applied | <code>rule/a&#124;b</code> |" in shown
    assert "| delete: failed, <code>no &#124; such</code> | <code>plugin/old</code> |" in shown


def test_warnings_beyond_ten_are_counted() -> None:
    shown = render(plan(warnings=(Problem(Code.UNKNOWN_FIELD, "w"),) * 12))
    assert shown.count("- warning: <code>w</code>\n") == 10
    assert shown.endswith("\n- and 2 more warnings\n")


@pytest.mark.parametrize("link", LINKS)
def test_nothing_in_code_becomes_a_link_once_entities_are_resolved(link: str) -> None:
    inline = GITHUB.parseInline(code(link))[0].children or []
    # GitHub looks for addresses in each stretch of text between tags
    stretches = [token.content for token in inline if token.type in {"text", "text_special"}]
    raw = code(link).removeprefix("<code>").removesuffix("</code>")
    assert not re.search(r"[a-z.]@[a-z]", "|".join(stretches))
    assert not re.search(r"://|www\.", raw)


def tokens_of(markdown: str) -> list[Token]:
    return GITHUB.parse(markdown)


def inline_of(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or []]


@given(any_page_plan())
def test_hostile_texts_do_not_change_the_structure_of_the_comment(shown: Plan) -> None:
    text = render(shown)
    tokens = tokens_of(text)
    kinds = Counter(token.type for token in tokens)
    folded = sum(bool(change.diff) for change in shown.changes)
    assert len(text) < 63_000
    assert_harmless(text)
    assert kinds["table_open"] == bool(shown.changes)
    assert kinds["tr_open"] == (len(shown.changes) + 1 if shown.changes else 0)
    assert kinds["td_open"] == 4 * len(shown.changes)
    assert kinds["fence"] == folded
    assert kinds["html_block"] == 2 * folded
    assert kinds["list_item_open"] == len(shown.warnings)
    assert kinds["heading_open"] == kinds["code_block"] == kinds["blockquote_open"] == kinds["hr"] == 0
    assert all(OWN_BLOCK.fullmatch(token.content) for token in tokens if token.type == "html_block")


@given(any_page_plan())
def test_hostile_texts_add_no_markup_to_the_comment(shown: Plan) -> None:
    inline = inline_of(tokens_of(render(shown)))
    assert all(OWN_HTML.fullmatch(token.content) for token in inline if token.type == "html_inline")
    assert {token.type for token in inline} <= {"text", "text_special", "html_inline", "strong_open", "strong_close"}
    assert sum(token.type == "strong_open" for token in inline) == 1 + len(shown.refused)


def test_the_reason_of_a_held_or_skipped_change_is_complete_but_bounded() -> None:
    reason, worst = f"{'The files hold nothing. ' * 50}Check them.", "@" * 5_000
    held, skipped = replace(REDIS, held=reason), NEW.finished("skipped", reason)
    assert render(replace(plan(held, skipped), refused=(reason,))).count("Check them.</code>") == 3
    assert len(render(replace(plan(replace(REDIS, held=worst), GONE), refused=(worst, worst)))) < LIMIT


def test_diffs_that_do_not_fit_are_left_out_and_counted() -> None:
    long = [
        change("update", f"plugin/p{number}", replaced(("content",), "", f"{'x' * 300}\n" * 100)) for number in range(4)
    ]
    short = change("update", "rule/short", replaced(("title",), "a", "b"))
    shown = render(plan(*long, short))
    assert len(shown) < 63_000
    assert shown.count("<details>") == 3
    assert "<summary>update <code>rule/short</code></summary>" in shown
    assert shown.endswith("\nLeft out here, to stay within a comment's length: 2 diffs. `dlsync plan` shows all.\n")


def test_rows_that_do_not_fit_are_left_out_and_counted_and_then_no_diff_is_shown() -> None:
    shown = render(
        plan(*(change("update", f"rule/{'|' * 100}{number}", replaced(("a",), 1, 2)) for number in range(400)))
    )
    rows = shown.count("| update |")
    assert LIMIT - 1000 < len(shown) < LIMIT
    assert "<details>" not in shown
    assert shown.endswith(f": {400 - rows} resources and 400 diffs. `dlsync plan` shows all.\n")


def test_long_names_and_many_long_warnings_still_fit() -> None:
    worst = "@" * 5000
    shown = render(
        plan(change("update", f"rule/{worst}", file=worst), warnings=(Problem(Code.UNKNOWN_FIELD, worst),) * 50)
    )
    assert len(shown) < LIMIT
    assert "| update |" in shown


LONG = replaced(("content",), "", f"{'x' * 300}\n" * 5)
MARKER = "<!-- dlsync plan account=acme%2Fdefault environment= -->\n"


def assert_whole(text: str, limit: int) -> None:
    """Check that a comment fits, that each of its blocks is closed, and that GitLab takes no line for a command."""
    tokens = tokens_of(text)
    kinds = Counter(token.type for token in tokens)
    blocks = [token.content for token in tokens if token.type == "html_block"]
    assert len(text) <= limit
    assert text.endswith("\n")
    assert text.count("<details>\n") == text.count("\n</details>\n") == kinds["fence"]
    assert all(OWN_BLOCK.fullmatch(block) or block.startswith("<!-- dlsync plan ") for block in blocks)
    assert all(len(row.split(" | ")) == 4 for row in text.splitlines() if row.startswith("| "))
    assert not any(line.lstrip().startswith("/") for line in text.splitlines())
    assert_harmless(text)


def any_large_plan() -> st.SearchStrategy[Plan]:
    """A plan with some changes of any kind, many that are alike, and some long reasons."""
    many = st.builds(
        lambda count, name: [change("update", f"rule/{name}{number}", LONG) for number in range(count)],
        st.integers(0, 60),
        st.sampled_from(["x", "@" * 100]),
    )
    reasons = st.lists(st.sampled_from(["short.", "@" * 3_000]), max_size=3).map(tuple)
    return st.builds(
        lambda one, changes, refused: replace(one, changes=(*changes, *one.changes), refused=refused),
        any_plan(),
        many,
        reasons,
    )


@given(any_large_plan(), st.integers(2_000, 30_000))
def test_a_comment_fits_any_limit_with_whole_blocks_and_omits_urgent_changes_last(shown: Plan, limit: int) -> None:
    text = render(shown, limit=limit, marker=MARKER)
    assert_whole(text, limit)
    assert text.startswith(f"{MARKER}**dlsync ")
    urgent = [one for one in shown.changes if one.held or one.action == "delete" or one.cause == "conflict"]
    rows = sum(line.startswith(("| create", "| update", "| delete")) for line in text.splitlines())
    if rows < len(shown.changes):
        assert "<details>" not in text
        assert f"{len(shown.changes) - rows:,} resource" in text.splitlines()[-1]
    if rows <= len(urgent) and any(one.action == "update" and not one.held for one in shown.changes):
        plain = render(replace(shown, changes=tuple(urgent)), limit=100_000)
        kinds = Counter(re.findall(r"^\| (create|update|delete)", plain, re.MULTILINE))
        assert Counter(re.findall(r"^\| (create|update|delete)", text, re.MULTILINE)) <= kinds


@given(
    st.text(max_size=3_000),
    st.lists(st.just(Problem(Code.INVALID_VALUE, "@" * 400)), max_size=20),
    st.integers(2_000, 9_000),
)
def test_a_failure_comment_fits_any_limit(error: str, problems: list[Problem], limit: int) -> None:
    text = render_failure(error, problems, limit=limit, marker=MARKER)
    assert_whole(text, limit)
    assert text.startswith(f"{MARKER}**dlsync plan failed**")


def test_urgent_changes_are_shown_first_and_omissions_are_counted() -> None:
    gone = [change("delete", f"rule/gone-{number}") for number in range(5)]
    held = replace(change("update", "rule/held", LONG), held="both have changed")
    rest = [change("update", f"rule/rest-{number:03}", LONG) for number in range(100)]
    shown = plan(*rest, *gone, held)
    whole, less, least = (render(shown, limit=limit) for limit in (200_000, 9_000, 2_000))
    assert "Left out" not in whole
    assert whole.index("rule/held") < whole.index("rule/gone-0") < whole.index("rule/rest-000")
    assert less.count("| update | <code>rule/rest-") == 100
    assert [less.count("\n| update, held"), less.count("\n| delete |")] == [1, 5]
    assert [least.count("\n| update, held"), least.count("\n| delete |")] == [1, 5]
    assert re.search(r"length: \d+ resources and 101 diffs\. `dlsync plan` shows all\.\n$", least)


def test_warnings_that_do_not_fit_are_counted() -> None:
    shown = render(plan(NEW, warnings=(Problem(Code.UNKNOWN_FIELD, "@" * 300),)), limit=2_000)
    assert "\n- 1 warning, which `dlsync plan` shows\n\n| action |" in shown


def test_the_smallest_diffs_are_shown_first() -> None:
    names = ["large", "small", "medium"]
    sizes = {"large": 9, "small": 1, "medium": 5}
    changes = [change("update", f"rule/{one}", replaced(("a",), "", "x\n" * sizes[one])) for one in names]
    summaries = re.findall("<summary>update <code>rule/(.*)</code>", render(plan(*changes)))
    assert summaries == ["small", "medium", "large"]


def test_the_comment_of_a_plan_does_not_depend_on_the_commit() -> None:
    shown = plan(NEW, REDIS, GONE)
    assert render(shown) == render(replace(shown, commit="0123456"))
