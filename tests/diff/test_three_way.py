"""Three-way comparison: which side changed each field since the last apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.diff.compare import compare, differences
from dlsync.diff.digests import digest
from dlsync.diff.three_way import has_moved, merge_sides, moved_in_files, three_way_diff
from dlsync.model import Entry
from dlsync.resources import kind_of
from tests.builders.accounts import DASHBOARDS, LINKED, RULES, SETTINGS
from tests.builders.inventories import SALT, entry
from tests.builders.sides import sides
from tests.builders.trees import criterion, dashboard, resource, rule, widget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlsync.model import ChangedBy, FieldChange, Json, Resource
    from tests.builders.sides import Sides

DOCUMENTS = {
    "dashboard": DASHBOARDS,
    "rule": RULES,
    "plugin": st.builds(
        lambda settings, script: {**settings, "content": script, "extension": "py"}, SETTINGS, st.text()
    ),
    "link": st.builds(lambda tags: {"tags": tags}, LINKED),
}


@st.composite
def versions(draw: st.DrawFn, number: int) -> list[Resource]:
    """Draw several versions of a resource of any kind, which may share parts."""
    name = draw(st.sampled_from(sorted(DOCUMENTS)))
    documents: list[dict[str, Json]] = [draw(DOCUMENTS[name]) for _ in range(number)]
    if draw(st.booleans()):  # combine two versions
        documents[-1] = {**documents[0], **{key: value for key, value in documents[-1].items() if draw(st.booleans())}}
    return [resource(f"{name}/x", document) for document in documents]


def moved(base: Resource, desired: Resource, live: Resource, seen: Resource | None = None) -> tuple[FieldChange, ...]:
    return three_way_diff(kind_of(base.kind), desired, live, entry(base, seen), SALT)


def movers(
    base: Resource, desired: Resource, live: Resource, seen: Resource | None = None
) -> list[tuple[str, ChangedBy]]:
    """Return each difference as a short text, with the side that changed it."""
    found = moved(base, desired, live, seen)
    return [(f"{one.op} {one.path[-1]}" if not one.moved else "move", one.mover) for one in found]  # type: ignore[misc] # a movement knows all movers


def means(desired: Resource, live: Resource, kept: Iterable[FieldChange]) -> Resource:
    kind = kind_of(desired.kind)
    document = merge_sides(kind, desired, live, tuple(kept))
    return resource(str(desired.address), dict(document), body=b"blend")


# any documents


@given(versions(2))
def test_a_merge_that_keeps_every_live_value_equals_the_live_document(pair: list[Resource]) -> None:
    desired, live = pair
    kind = kind_of(desired.kind)
    blend = means(desired, live, compare(kind, desired, live).diff)
    assert compare(kind, blend, live).diff == ()


@given(versions(2))
def test_a_merge_that_keeps_no_live_value_equals_the_file(pair: list[Resource]) -> None:
    desired, live = pair
    kind, blend = kind_of(desired.kind), means(desired, live, ()).document
    ours = kind.canonical(desired.document)
    assert [*differences(kind, (), ours, dict(blend)), *differences(kind, (), dict(blend), ours)] == []


@given(versions(3))
def test_every_difference_is_attributed_to_a_side_and_never_to_an_unchanged_side(three: list[Resource]) -> None:
    base, desired, live = three
    kind = kind_of(base.kind)
    found = moved(base, desired, live)
    assert bool(found) == bool(compare(kind, desired, live).diff)
    assert None not in {one.mover for one in found}
    blend = means(desired, live, found)
    assert compare(kind, blend, live).diff == ()
    assert {one.mover for one in moved(base, base, live)} <= {"drift"}
    assert {one.mover for one in moved(live, desired, live)} <= {"repo"}
    assert {one.mover for one in moved(desired, desired, live, live)} <= {"kept"}


@given(versions(2))
def test_a_change_of_one_side_is_detected_without_the_other_side(pair: list[Resource]) -> None:
    one, other = pair
    kind = kind_of(one.kind)
    assert not has_moved(kind, one, entry(one), SALT)
    assert not moved_in_files(kind, one, entry(one), SALT)
    assert has_moved(kind, other, entry(one), SALT) == bool(compare(kind, one, other).diff)
    if compare(kind, one, other).diff:
        assert moved_in_files(kind, one, entry(other), SALT)


# two independent edits


@given(sides())
def test_two_independent_edits_are_no_conflict_and_the_merge_contains_both(found: Sides) -> None:
    base, desired, live, both, repo, drift = found
    kind = kind_of("dashboard")
    result = moved(base, desired, live)
    assert {one.mover for one in result} == {name for name, what in (("repo", repo), ("drift", drift)) if what}
    assert not result or moved_in_files(kind, desired, entry(base), SALT) == bool(repo)
    blend = means(desired, live, (one for one in result if one.mover == "drift"))
    assert compare(kind, blend, both).diff == ()


# one field, one widget


def of(**fields: Json) -> Resource:
    return resource("rule/web", rule(**fields))


@pytest.mark.parametrize(
    ("base", "desired", "live", "expected"),
    [
        pytest.param(of(), of(title="A"), of(), [("replace title", "repo")], id="edited in the files"),
        pytest.param(of(), of(), of(title="A"), [("replace title", "drift")], id="edited on the server"),
        pytest.param(of(), of(title="A"), of(title="B"), [("replace title", "conflict")], id="edited in both"),
        pytest.param(of(), of(title="A"), of(title="A"), [], id="edited alike in both"),
        pytest.param(of(), of(description="A"), of(), [("add description", "repo")], id="added in the files"),
        pytest.param(of(), of(), of(description="A"), [("remove description", "drift")], id="added on the server"),
        pytest.param(
            of(description="A"), of(), of(description="A"), [("remove description", "repo")], id="removed in the files"
        ),
        pytest.param(
            of(description="A"), of(description="A"), of(), [("add description", "drift")], id="removed on the server"
        ),
        pytest.param(
            of(description="A"),
            of(),
            of(description="B"),
            [("remove description", "conflict")],
            id="removed and edited",
        ),
        pytest.param(
            of(description="A"), of(description="B"), of(), [("add description", "conflict")], id="edited and removed"
        ),
        pytest.param(
            of(),
            of(title=["a"]),
            of(title={"a": 1}),
            [("replace title", "conflict")],
            id="values of other types",
        ),
    ],
)
def test_a_changed_field_is_attributed_to_the_side_that_changed_it(
    base: Resource, desired: Resource, live: Resource, expected: list[tuple[str, ChangedBy]]
) -> None:
    assert movers(base, desired, live) == expected


def showing(*widgets: dict[str, Json]) -> Resource:
    return resource("dashboard/web", dashboard(*widgets))


CPU, DISK, NET, FIRST, BY_HAND = (
    widget(title, row=row) for row, title in enumerate(["cpu", "disk", "net", "first", "by hand"], 1)
)


@pytest.mark.parametrize(
    ("base", "desired", "live", "expected"),
    [
        pytest.param([CPU], [CPU, DISK], [CPU], [("add 1", "repo")], id="added in the files"),
        pytest.param([CPU], [CPU], [DISK, CPU], [("remove 0", "drift")], id="added on the server"),
        pytest.param([CPU, DISK], [CPU], [CPU, DISK], [("remove 1", "repo")], id="removed in the files"),
        pytest.param([CPU, DISK], [CPU, DISK], [DISK], [("add 0", "drift")], id="removed on the server"),
        pytest.param([CPU], [CPU, NET], [DISK, CPU], [("add 1", "repo"), ("remove 0", "drift")], id="one on each side"),
        pytest.param([CPU, DISK, NET], [CPU, NET, DISK], [NET, CPU, DISK], [], id="listed in another order"),
        pytest.param([CPU], [CPU, CPU], [CPU], [("add 1", "repo")], id="doubled in the files"),
        pytest.param([CPU], [CPU], [CPU, CPU], [("remove 1", "drift")], id="doubled on the server"),
        pytest.param([CPU], [{**CPU, "color": "a"}], [], [("add 0", "conflict")], id="edited and removed"),
        pytest.param([CPU], [], [{**CPU, "color": "a"}], [("remove 0", "conflict")], id="removed and edited"),
        pytest.param(
            [CPU, DISK],
            [{**CPU, "color": "a"}, {**DISK, "color": "a"}],
            [DISK, {**CPU, "color": "b"}],
            [("replace color", "conflict"), ("add color", "repo")],
            id="each widget by itself, in any order",
        ),
    ],
)
def test_a_changed_widget_is_attributed_to_the_side_that_changed_it(
    base: list[dict[str, Json]],
    desired: list[dict[str, Json]],
    live: list[dict[str, Json]],
    expected: list[tuple[str, ChangedBy]],
) -> None:
    assert sorted(movers(showing(*base), showing(*desired), showing(*live))) == sorted(expected)


A, B, C = (cast("Json", {"metric": f"{name}.load", "scope": {"tag": name}}) for name in "abc")


def drawing(*series: Json) -> Resource:
    return showing(widget("all", series=[*series]))


@pytest.mark.parametrize(
    ("base", "desired", "live", "expected"),
    [
        pytest.param([A, B, C], [C, A, B], [A, B, C], [("move", "repo")], id="in the files"),
        pytest.param([A, B, C], [A, B, C], [C, A, B], [("move", "drift")], id="on the server"),
        pytest.param([A, B, C], [A, C, B], [C, A, B], [("move", "conflict")], id="on both sides"),
    ],
)
def test_a_moved_series_is_attributed_to_the_side_that_moved_it(
    base: list[Json], desired: list[Json], live: list[Json], expected: list[tuple[str, ChangedBy]]
) -> None:
    assert movers(drawing(*base), drawing(*desired), drawing(*live)) == expected


def watching(*metrics: str) -> Resource:
    return resource("rule/r", rule(*map(criterion, metrics)))


@pytest.mark.parametrize(
    ("base", "desired", "live", "expected", "blend"),
    [
        pytest.param("a", "b", "a", [("replace metric", "repo")], "b", id="renamed in the files"),
        pytest.param("a", "a", "b", [("replace metric", "drift")], "b", id="renamed on the server"),
        pytest.param("a", "b", "c", [("replace metric", "conflict")], "b", id="renamed on both sides"),
        pytest.param("ab", "cb", "ba", [("replace metric", "repo")], "cb", id="renamed in files that the server sorts"),
        pytest.param("a", "ab", "ac", [("add 1", "repo"), ("remove 1", "drift")], "abc", id="one added on each side"),
        pytest.param("ab", "a", "b", [("add 0", "drift"), ("remove 0", "repo")], "", id="one removed on each side"),
    ],
)
def test_a_changed_metric_is_one_change_but_each_side_s_own_criteria_stay_separate(
    base: str, desired: str, live: str, expected: list[tuple[str, ChangedBy]], blend: str
) -> None:
    one, ours, theirs = watching(*base), watching(*desired), watching(*live)
    assert movers(one, ours, theirs) == expected
    drift = [one for one in moved(one, ours, theirs) if one.mover == "drift"]
    criteria = means(ours, theirs, drift).document["criteria"]
    assert {item["metric"] for item in criteria} == {*blend}  # type: ignore[union-attr,index,call-overload] # criteria


def test_a_difference_that_the_last_apply_left_is_kept_unless_a_side_changed_it_since() -> None:
    ours, theirs = of(description="A", title="A"), of(description="B", title="A")
    assert movers(ours, ours, theirs, seen=theirs) == [("replace description", "kept")]
    assert movers(ours, of(description="C", title="A"), theirs, seen=theirs) == [("replace description", "repo")]
    assert movers(ours, ours, of(description="C", title="A"), seen=theirs) == [("replace description", "drift")]


def test_a_kept_widget_stays_kept_in_any_order() -> None:
    ours, theirs = showing(CPU, DISK), showing(NET, {**CPU, "color": "red"}, DISK)
    assert movers(ours, ours, theirs, seen=theirs) == [("remove color", "kept"), ("remove 0", "kept")]


def test_the_same_change_on_both_sides_is_no_difference() -> None:
    assert moved(of(), of(title="A"), of(title="A")) == ()


def test_fields_that_a_server_adds_are_no_change_of_the_live_side() -> None:
    kind = kind_of("rule")
    assert not has_moved(kind, of(zoom=2), entry(of()), SALT)
    assert moved_in_files(kind, of(zoom=2), entry(of()), SALT)
    assert movers(of(), of(zoom=1), of(zoom=2)) == [("replace zoom", "repo")]


def test_a_difference_that_the_digests_do_not_show_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlsync.diff.three_way.digested", lambda salt, value: "the same")
    found = three_way_diff(kind_of("rule"), of(title="A"), of(title="B"), Entry({"title": "the same"}), SALT)
    assert [one.mover for one in found] == ["conflict"]


# merging


def test_a_widget_that_was_added_by_hand_stays_after_the_same_widget() -> None:
    desired, live = showing(CPU, DISK, NET), showing(FIRST, CPU, BY_HAND, DISK)
    drift = [one for one in moved(showing(CPU, DISK), desired, live) if one.mover == "drift"]
    titles = [one["title"] for one in means(desired, live, drift).document["positions"]]  # type: ignore[union-attr,index,call-overload] # widgets
    assert titles == ["first", "cpu", "by hand", "disk", "net"]


def test_a_merge_keeps_the_order_of_the_server_and_the_places_of_items_added_in_the_files() -> None:
    desired, live = drawing(A, C, B), drawing(B, A)
    drift = [one for one in moved(drawing(A, B), desired, live) if one.mover == "drift"]
    assert means(desired, live, drift).document["positions"][0]["series"] == [B, C, A]  # type: ignore[index,call-overload] # series


def test_a_new_order_of_criteria_is_no_change() -> None:
    base, live = (resource("rule/r", rule(*criteria)) for criteria in ([criterion("a"), criterion("b")],) * 2)
    desired = resource("rule/r", rule(criterion("b"), criterion("a", 5)))
    assert movers(base, desired, live) == [("replace threshold", "repo")]


def test_values_whose_digests_are_equal_by_chance_are_a_conflict() -> None:
    first, second = 70_924, 91_178
    assert digest(SALT, first) == digest(SALT, second)
    base, desired, live = (resource("rule/x", {"x": value}) for value in (60, first, second))
    assert movers(base, desired, live) == [("replace x", "conflict")]
