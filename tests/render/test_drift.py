"""Drift as text and as JSON; test_plan_text and test_plan_json test the changes in it."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from dlsync.messages import json_text
from dlsync.model import Target
from dlsync.operations.drift import Drift
from dlsync.render.plan_text import drift_document, render_drift
from tests.builders.plans import TARGET, any_change, any_text, assert_harmless, change, replaced

EDIT = change("update", "rule/x", replaced(("title",), "a", "b", 2), file="rules/x.yaml", line=2, cause="drift")


def any_drift() -> st.SearchStrategy[Drift]:
    target = st.builds(Target, any_text(), any_text(), any_text())
    return st.builds(Drift, target, st.lists(any_change(), max_size=3).map(tuple), st.integers(0, 9999))


def test_drift_is_shown_field_by_field_and_counted() -> None:
    gone = change("delete", "plugin/p", cause="drift")
    assert render_drift(Drift(TARGET, (EDIT, gone), 1200), color=False) == (
        """\
~ rule/x  update (changed on the server)  rules/x.yaml:2
    ~ title: "a" -> "b"   (line 2)
- plugin/p  delete (deleted on the server)

Drift: 2 resources on acme/default changed since applied, 1,200 as applied.
"""
    )


def test_no_drift_is_one_line() -> None:
    assert (
        render_drift(Drift(TARGET, (), 1), color=False) == "No drift: 1 managed resource on acme/default, as applied.\n"
    )


def test_json_counts_drifted_and_unchanged_resources() -> None:
    document = drift_document(Drift(TARGET, (EDIT,), 2))
    assert document["summary"] == {"drifted": 1, "unchanged": 2}
    assert (document["org"], document["account"], document["format_version"]) == ("acme", "default", 1)
    assert [one["name"] for one in document["changes"]] == ["x"]


@given(any_drift(), st.booleans())
def test_hostile_texts_in_drift_are_harmless_in_text_and_json(shown: Drift, color: bool) -> None:
    plain = re.sub(r"\x1b\[[0-9]+m", "", render_drift(shown, color=color))
    assert_harmless(plain)
    assert plain == render_drift(shown, color=False)
    as_json = json_text(drift_document(shown))
    assert_harmless(as_json)
    assert as_json.isascii()
    assert json.loads(as_json)["summary"]["drifted"] == len(shown.changes)
