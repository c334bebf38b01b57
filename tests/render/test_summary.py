"""A plan in one sentence."""

from dataclasses import replace

from dlsync.model import Address, Target
from dlsync.render.plan_text import summary
from tests.builders.plans import change, plan

NEW, CHANGED, GONE = change("create", "rule/a"), change("update", "rule/b"), change("delete", "rule/c")


def test_a_plan_counts_its_changes_by_action() -> None:
    assert summary(plan(NEW, CHANGED, CHANGED, unchanged=1200)) == (
        "Plan: 1 to create, 2 to update, 0 to delete, 1,200 unchanged."
    )


def test_held_changes_are_counted_apart_from_changes_to_apply() -> None:
    held = replace(change("update", "rule/b", cause="conflict"), held="both have changed")
    assert summary(plan(held, CHANGED)) == "Plan: 0 to create, 1 to update, 0 to delete, 0 unchanged, 1 held."
    assert summary(plan(held.finished("skipped"), CHANGED.finished("applied"))) == (
        "Applied: 0 created, 1 updated, 0 deleted, 0 failed, 1 skipped."
    )


def test_a_plan_without_changes_says_that_the_files_match() -> None:
    assert summary(plan(unchanged=12)) == "No changes. 12 resources on acme/default match the files."
    assert summary(plan(unchanged=1)) == "No changes. 1 resource on acme/default matches the files."


def test_adopted_resources_and_kept_live_changes_are_counted() -> None:
    one, two = Address("rule", "a"), Address("rule", "b")
    assert summary(replace(plan(NEW, unchanged=2), adopted=(one, two))) == (
        "Plan: 1 to create, 0 to update, 0 to delete, 2 unchanged (2 to adopt)."
    )
    assert summary(replace(plan(unchanged=2), adopted=(one,), kept=(two,))) == (
        "No changes to apply. 1 of 2 resources on acme/default match the files, 1 of them not managed before; "
        "1 keeps changes made on the server."
    )
    assert summary(replace(plan(unchanged=8), kept=(one, two))) == (
        "No changes to apply. 6 of 8 resources on acme/default match the files; 2 keep changes made on the server."
    )


def test_control_characters_in_a_name_of_the_target_are_escaped() -> None:
    hostile = replace(plan(), target=Target("http://127.0.0.1", "a\x1b[2J", "b"))
    assert summary(hostile) == "No changes. 0 resources on a\\x1b[2J/b match the files."


def test_after_an_apply_the_results_are_counted() -> None:
    assert summary(plan(NEW.finished("applied"), CHANGED.finished("failed", "no"), GONE.finished("applied"))) == (
        "Applied: 1 created, 0 updated, 1 deleted, 1 failed."
    )


def test_skipped_changes_are_counted_if_any() -> None:
    assert summary(plan(NEW.finished("failed", "no"), CHANGED.finished("skipped"))) == (
        "Applied: 0 created, 0 updated, 0 deleted, 1 failed, 1 skipped."
    )
