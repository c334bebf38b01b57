"""Plans as a comment on a pull request."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from dlsync.model import Plan, Problem
from dlsync.render.plan_markdown import LIMIT, code, render
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


def test_what_is_new_is_outlined_in_its_folded_difference() -> None:
    new = replace(added(("criteria",), [{}]), outline=("base.cpu is above 90", "```"))
    shown = render(plan(change("create", "rule/new", new)))
    assert "````diff\n+ criteria: 1 item\n+     base.cpu is above 90\n+     ```\n````\n" in shown


def test_a_plan_is_a_summary_a_table_and_a_folded_diff_of_each_change() -> None:
    warning = Problem("warning", "`x` is not a field", "rules/a.yaml", 2, 1)
    assert render(plan(NEW, REDIS, GONE, unchanged=12, warnings=(warning,))) == (
        """\
**dlsync plan** for <code>acme/default</code>: 1 to create, 1 to update, 1 to delete, 12 unchanged.

- warning: <code>rules/a.yaml:2:1: &#96;x&#96; is not a field</code>

| action | resource | file | fields |
| --- | --- | --- | --- |
| create | <code>rule/a&#124;b</code> | <code>rules/a%7Cb.yaml:1</code> | 1 field |
| update | <code>dashboard/redis</code> | <code>dashboards/redis.yaml:3</code> | <code>period</code>, \
<code>description</code>, <code>positions&#91;4&#93;</code> and 1 more |
| delete | <code>plugin/old</code> |  |  |

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


def test_without_changes_one_line_is_all() -> None:
    assert render(plan(unchanged=12)) == "**dlsync plan** for <code>acme/default</code>: no changes, 12 unchanged.\n"


def test_a_cause_that_is_not_the_files_is_named() -> None:
    shown = render(plan(change("update", "rule/x", replaced(("title",), "a", "b"), cause="conflict")))
    assert (
        "| update (conflict: changed in the files and on the server) | <code>rule/x</code> |  | <code>title</code> |"
        in shown
    )


def test_what_is_held_what_stays_and_what_was_renamed_are_said() -> None:
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


def test_after_an_apply_the_table_says_how_it_went() -> None:
    shown = render(plan(NEW.finished("applied"), GONE.finished("failed", "no | such")))
    assert shown.startswith(
        "**dlsync apply** for <code>acme/default</code>: 1 created, 0 updated, 0 deleted, 1 failed."
    )
    assert "| create: applied | <code>rule/a&#124;b</code> |" in shown
    assert "| delete: failed, <code>no &#124; such</code> | <code>plugin/old</code> |" in shown


def test_warnings_beyond_ten_are_counted() -> None:
    shown = render(plan(warnings=(Problem("warning", "w"),) * 12))
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


@given(any_plan())
def test_whatever_a_server_says_the_comment_has_the_shape_that_dlsync_gave_it(shown: Plan) -> None:
    text = render(shown)
    tokens = tokens_of(text)
    kinds = Counter(token.type for token in tokens)
    folded = sum(bool(change.diff) for change in shown.changes)
    assert len(text) < 65_000
    assert_harmless(text)
    assert kinds["table_open"] == bool(shown.changes)
    assert kinds["tr_open"] == (len(shown.changes) + 1 if shown.changes else 0)
    assert kinds["td_open"] == 4 * len(shown.changes)
    assert kinds["fence"] == folded
    assert kinds["html_block"] == 2 * folded
    assert kinds["list_item_open"] == len(shown.warnings)
    assert kinds["heading_open"] == kinds["code_block"] == kinds["blockquote_open"] == kinds["hr"] == 0
    assert all(OWN_BLOCK.fullmatch(token.content) for token in tokens if token.type == "html_block")


@given(any_plan())
def test_whatever_a_server_says_nothing_of_it_is_marked_up(shown: Plan) -> None:
    inline = inline_of(tokens_of(render(shown)))
    assert all(OWN_HTML.fullmatch(token.content) for token in inline if token.type == "html_inline")
    assert {token.type for token in inline} <= {"text", "text_special", "html_inline", "strong_open", "strong_close"}
    assert sum(token.type == "strong_open" for token in inline) == 1


def test_the_reason_of_what_is_not_applied_is_whole_and_still_bounded() -> None:
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
    assert len(shown) < 65_000
    assert shown.count("<details>") == 3
    assert "<summary>update <code>rule/short</code></summary>" in shown
    assert shown.endswith("\nLeft out here, to stay within a comment's length: 2 diffs. `dlsync plan` shows all.\n")


def test_rows_that_do_not_fit_are_left_out_and_counted_and_then_no_diff_is_shown() -> None:
    shown = render(
        plan(*(change("update", f"rule/{'|' * 100}{number}", replaced(("a",), 1, 2)) for number in range(200)))
    )
    rows = shown.count("| update |")
    assert LIMIT - 1000 < len(shown) < LIMIT
    assert "<details>" not in shown
    assert shown.endswith(f": {200 - rows} resources and 200 diffs. `dlsync plan` shows all.\n")


def test_the_worst_of_names_and_warnings_still_fits() -> None:
    worst = "@" * 5000
    shown = render(plan(change("update", f"rule/{worst}", file=worst), warnings=(Problem("warning", worst),) * 50))
    assert len(shown) < LIMIT
    assert "| update |" in shown
