"""A plan in one sentence."""

from dataclasses import replace

from dlsync.model import Address, Target
from dlsync.render.plan_text import sentence
from tests.builders.plans import change, plan

NEW, CHANGED, GONE = change("create", "rule/a"), change("update", "rule/b"), change("delete", "rule/c")


def test_a_plan_says_how_much_there_is_to_do() -> None:
    assert sentence(plan(NEW, CHANGED, CHANGED, unchanged=1200)) == (
        "Plan: 1 to create, 2 to update, 0 to delete, 1,200 unchanged."
    )


def test_what_is_held_is_counted_when_there_is_any_and_not_as_something_to_do() -> None:
    held = replace(change("update", "rule/b", cause="conflict"), held="both have changed")
    assert sentence(plan(held, CHANGED)) == "Plan: 0 to create, 1 to update, 0 to delete, 0 unchanged, 1 held."
    assert sentence(plan(held.finished("skipped"), CHANGED.finished("applied"))) == (
        "Applied: 0 created, 1 updated, 0 deleted, 0 failed, 1 skipped."
    )


def test_without_changes_there_is_nothing_to_do() -> None:
    assert sentence(plan(unchanged=12)) == "No changes. 12 resources on acme/default match the files."
    assert sentence(plan(unchanged=1)) == "No changes. 1 resource on acme/default matches the files."


def test_what_is_adopted_and_what_stays_changed_is_counted() -> None:
    one, two = Address("rule", "a"), Address("rule", "b")
    assert sentence(replace(plan(NEW, unchanged=2), adopted=(one, two))) == (
        "Plan: 1 to create, 0 to update, 0 to delete, 2 unchanged (2 to adopt)."
    )
    assert sentence(replace(plan(unchanged=2), adopted=(one,), kept=(two,))) == (
        "No changes to apply. 1 of 2 resources on acme/default match the files, 1 of them not managed before; "
        "1 keeps changes made on the server."
    )
    assert sentence(replace(plan(unchanged=8), kept=(one, two))) == (
        "No changes to apply. 6 of 8 resources on acme/default match the files; 2 keep changes made on the server."
    )


def test_an_account_s_name_cannot_reach_the_terminal() -> None:
    hostile = replace(plan(), target=Target("http://127.0.0.1", "a\x1b[2J", "b"))
    assert sentence(hostile) == "No changes. 0 resources on a\\x1b[2J/b match the files."


def test_after_an_apply_what_was_done_is_counted() -> None:
    assert sentence(plan(NEW.finished("applied"), CHANGED.finished("failed", "no"), GONE.finished("applied"))) == (
        "Applied: 1 created, 0 updated, 1 deleted, 1 failed."
    )


def test_what_was_skipped_is_counted_when_there_is_any() -> None:
    assert sentence(plan(NEW.finished("failed", "no"), CHANGED.finished("skipped"))) == (
        "Applied: 0 created, 0 updated, 0 deleted, 1 failed, 1 skipped."
    )
