"""Plans as a person reads them: the literal text."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dlsync.model import Code, Plan, Problem
from dlsync.render.plan_text import render
from tests.builders.plans import added, any_plan, assert_harmless, change, moved, plan, removed, replaced

REDIS = change(
    "update",
    "dashboard/redis",
    replaced(("period",), 3600, 600, 3),
    added(("positions", 2, "color"), "red", 9),
    moved(("positions", 4), 1, 4, 20),
    removed(("annotations",), ["deploys"]),
    file="dashboards/redis.yaml",
    line=3,
)
DISK = change(
    "update",
    "plugin/disk",
    replaced(("content",), "#!/bin/sh\ndf\nexit 0\n", "#!/bin/sh\ndf -h\nexit 0\n", 2),
    file="plugins/disk.sh",
    line=2,
    cause="drift",
)
NEW = change(
    "create",
    "rule/disk-full",
    added(("title",), "Disk full"),
    added(("criteria",), [{"metric": f"disk.{number}", "condition": {"threshold": 80}} for number in range(12)]),
    file="rules/disk-full.yaml",
    line=1,
    cause="new",
)
GONE = change("delete", "plugin/old")


def test_a_plan_has_a_line_for_each_resource_its_fields_below_it_and_the_counts_at_the_end() -> None:
    assert render(plan(NEW, REDIS, DISK, GONE, unchanged=12), color=False) == (
        """\
+ rule/disk-full  create  rules/disk-full.yaml:1
    + title: "Disk full"
    + criteria: 12 items
~ dashboard/redis  update  dashboards/redis.yaml:3
    ~ period: 3600 -> 600   (line 3)
    + positions[2].color: "red"   (line 9)
    ~ positions[4]: moved, was positions[1]   (line 20)
    - annotations: ["deploys"]
~ plugin/disk  update (changed on the server)  plugins/disk.sh:2
    ~ content:   (line 2)
        @@ -1,3 +1,3 @@
         #!/bin/sh
        -df
        +df -h
         exit 0
- plugin/old  delete

Plan: 1 to create, 2 to update, 1 to delete, 12 unchanged.
"""
    )


def test_the_outline_of_a_field_stands_below_it_and_is_cut_after_50_lines() -> None:
    whole = replace(added(("criteria",), [{}] * 60), outline=tuple(f"metric {number} is down" for number in range(60)))
    part = replace(removed(("content",), "a\n\nb\n"), outline=("a", " ", "::error b"))
    lines = render(
        plan(change("create", "rule/new", whole), change("update", "plugin/p", part)), color=False
    ).splitlines()
    assert lines[1:3] == ["    + criteria: 60 items", "        metric 0 is down"]
    assert lines[51:54] == [
        "        metric 49 is down",
        "        ... 10 more; --format json has them all",
        "~ plugin/p  update",
    ]
    assert lines[54:58] == ["    - content: 3 lines", "        a", "", r"        \x3a:error b"]


def test_a_plan_without_changes_is_one_sentence() -> None:
    assert render(plan(unchanged=3), color=False) == ("No changes. 3 resources on acme/default match the files.\n")


def test_a_rollback_that_can_restore_nothing_says_so() -> None:
    lost = replace(plan(), unrestored=(GONE.address,))
    said = "Nothing to restore, except fields of 1 resource that no journal has.\n"
    assert render(lost, color=False) == said


def test_warnings_come_first() -> None:
    warning = Problem(Code.UNKNOWN_FIELD, "`colour`: did you mean `color`?", "dashboards/redis.yaml", 3, 5)
    assert render(plan(GONE, warnings=(warning,)), color=False) == (
        """\
dashboards/redis.yaml:3:5: warning: `colour`: did you mean `color`?

- plugin/old  delete

Plan: 0 to create, 0 to update, 1 to delete, 0 unchanged.
"""
    )


def test_a_conflict_says_that_both_sides_changed_and_why_it_is_held() -> None:
    conflict = replace(
        change("update", "rule/x", replaced(("title",), "a", "b"), cause="conflict"), held="both have\x1b changed"
    )
    assert render(plan(conflict), color=False) == (
        """\
~ rule/x  update (conflict: changed in the files and on the server)
    held: both have\\x1b changed
    ~ title: "a" -> "b"

Plan: 0 to create, 0 to update, 0 to delete, 0 unchanged, 1 held.
"""
    )


def test_an_update_with_mixed_causes_names_the_cause_of_each_field_and_kept_fields() -> None:
    merged = replace(
        change(
            "update",
            "rule/x",
            replace(replaced(("title",), "a", "b"), mover="repo"),
            replace(replaced(("period",), 1, 2), mover="conflict"),
            replace(added(("timeout",), 3), mover="kept"),
        ),
        kept=(replace(replaced(("description",), "mine", "old"), mover="drift"), replace(added(("new",), 1))),
    )
    assert render(plan(merged), color=False).startswith(
        """\
~ rule/x  update
    ~ title: "a" -> "b"  (in the files)
    ~ period: 1 -> 2  (on both sides)
    + timeout: 3  (on the server, before)
    = description: "mine"  (stays as it was changed on the server)
    = new  (stays as it was changed on the server)
"""
    )


def test_a_rename_names_the_other_resource() -> None:
    new, gone = replace(change("create", "rule/n"), renamed="o\x1b"), replace(change("delete", "rule/o"), renamed="n")
    shown = render(plan(new, gone), color=False)
    assert shown.startswith("+ rule/n  create (renamed from o\\x1b)\n- rule/o  delete (renamed to n)\n")


def test_a_create_after_a_delete_on_the_server_names_that_cause() -> None:
    drifted, conflict = (change("create", f"rule/{cause}", cause=cause) for cause in ("drift", "conflict"))
    renamed = replace(conflict, renamed="o")
    assert render(plan(drifted, conflict, renamed), color=False).splitlines()[:3] == [
        "+ rule/drift  create (deleted on the server)",
        "+ rule/conflict  create (conflict: changed in the files, deleted on the server)",
        "+ rule/conflict  create (conflict: changed in the files and on the server) (renamed from o)",
    ]
    rollback = render(replace(plan(conflict), reverts="r"), color=False)
    assert rollback.startswith("+ rule/conflict  create (conflict: changed since the run)\n")


def test_after_an_apply_each_line_ends_with_its_result() -> None:
    applied = plan(
        NEW.finished("applied"),
        REDIS.finished("failed", "the server refuses it: no \x1b[31mwidgets"),
        GONE.finished("skipped", "not begun"),
    )
    assert render(applied, color=False) == (
        """\
+ rule/disk-full  create  rules/disk-full.yaml:1  applied
~ dashboard/redis  update  dashboards/redis.yaml:3  failed: the server refuses it: no \\x1b[31mwidgets
- plugin/old  delete  skipped: not begun

Applied: 1 created, 0 updated, 0 deleted, 1 failed, 1 skipped.
"""
    )


def test_colours_are_green_yellow_and_red() -> None:
    shown = render(plan(NEW, DISK, GONE), color=True).splitlines()
    assert shown[0] == "\x1b[32m+ rule/disk-full\x1b[0m  create  \x1b[2mrules/disk-full.yaml:1\x1b[0m"
    assert shown[1] == '    \x1b[32m+\x1b[0m title: "Disk full"'
    assert shown[3].startswith("\x1b[33m~ plugin/disk\x1b[0m")
    assert shown[4:9] == [
        "    \x1b[33m~\x1b[0m content:\x1b[2m   (line 2)\x1b[0m",
        "        \x1b[36m@@ -1,3 +1,3 @@\x1b[0m",
        "         #!/bin/sh",
        "        \x1b[31m-df\x1b[0m",
        "        \x1b[32m+df -h\x1b[0m",
    ]
    assert shown[10] == "\x1b[31m- plugin/old\x1b[0m  delete"
    assert shown[12] == "\x1b[1mPlan: 1 to create, 1 to update, 1 to delete, 0 unchanged.\x1b[0m"


@given(any_plan(), st.booleans())
def test_hostile_texts_add_no_terminal_commands_to_the_colours_of_dlsync(shown: Plan, color: bool) -> None:
    text = render(shown, color=color)
    plain = re.sub(r"\x1b\[[0-9]+m", "", text)
    assert_harmless(plain)
    assert plain == render(shown, color=False)
    assert color or plain == text
