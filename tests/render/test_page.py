"""Plans, drift and exports as one HTML page."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given

from dlsync.files.writer import FileChange
from dlsync.model import Address, Code, Item, ItemChange, Plan, Problem, ResourceChange
from dlsync.operations.drift import Drift
from dlsync.operations.export import Export
from dlsync.render.environments import EnvironmentResult
from dlsync.render.page import FRAME, PER_CHANGE, render
from tests.builders.pages import ATTRIBUTES, ELEMENTS, Parsed, any_page_plan, dashboard, drawn, whole_plan
from tests.builders.plans import TARGET, added, assert_harmless, change, masked, moved, plan, removed, replaced


def body(page: str) -> str:
    """Return the main element of a page."""
    return page[page.index("<main") : page.index("</main>")]


def shown(*changes: ResourceChange) -> str:
    return body(render(plan(*changes)))


@pytest.mark.parametrize("page", [render(whole_plan(3)), render(plan()), render([EnvironmentResult("e", None, "no")])])
def test_the_policy_admits_the_page_s_own_style_and_script_and_nothing_else(page: str) -> None:
    blocks = [re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("style", "script")]
    hashes = [
        f"'sha256-{b64encode(sha256(block[1].encode()).digest()).decode()}'" for block in blocks if block is not None
    ]
    policy = next(value for value in Parsed(page).values("content") if value and value.startswith("default-src"))
    sources = dict(part.split(" ", 1) for part in policy.split("; "))
    assert sources.pop("default-src") == sources.pop("base-uri") == sources.pop("form-action") == "'none'"
    assert set(hashes) <= set(sources.values())
    assert sources.keys() == {"style-src", "script-src"}
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", source) for source in sources.values())


def test_held_changes_stand_first_then_conflicts_then_deletes() -> None:
    held = replace(change("update", "rule/d"), held="why")
    conflict = change("update", "rule/c", cause="conflict")
    page = render(plan(change("create", "rule/a"), conflict, change("delete", "rule/b"), held))
    assert re.findall('id="rule/(.)"', page) == ["d", "c", "b", "a"]


@given(any_page_plan())
def test_hostile_names_add_no_elements_and_no_attributes_to_the_page(shown: Plan) -> None:
    page = render(shown)
    parsed = Parsed(page)
    assert_harmless(page)
    assert set(parsed.elements) <= ELEMENTS
    assert {name for name, _ in parsed.attributes} <= ATTRIBUTES
    assert parsed.odd == []
    assert parsed.elements.count("details") == len(shown.changes)
    assert parsed.elements.count("script") == bool(shown.changes)
    assert all(value and value.startswith("#") for value in parsed.values("href"))
    assert all(re.fullmatch(r"[\w.~%/-]+", value or "") for value in parsed.values("id"))


@pytest.mark.parametrize("number", [0, 200, 3_000])
def test_the_size_of_a_page_is_bounded_by_its_number_of_changes(number: int) -> None:
    assert len(render(whole_plan(number)).encode()) <= FRAME + PER_CHANGE * number


def test_the_script_is_small() -> None:
    page = render(whole_plan(1))
    assert len(page[page.index("<script>") : page.index("</script>")]) < 10_000


def test_the_largest_changes_are_shortened_to_keep_the_page_within_its_size() -> None:
    wide, long = '"' * 300, '"' * 9_000
    lines = "".join(f"{wide}{number}\n" for number in range(200))
    large = [change("update", f"plugin/p{at}", replaced(("content",), "", lines), file="p.sh") for at in range(9)]
    small = change("update", "rule/small", replaced(("title",), "a", "b"))
    worst = replace(change("create", f"rule/{long}", file=long), held=long, error=long)
    page = render(plan(*large, small, *[worst] * 50))
    assert len(page.encode()) <= FRAME + PER_CHANGE * 60
    assert "The fields are left out to keep this page small" in page
    assert "<del>a</del>" in page
    short = page[page.rindex("<details") : page.rindex("</details>")]
    assert len(short.encode()) <= PER_CHANGE


def test_many_long_messages_still_fit() -> None:
    worst = '"' * 9_000
    refused = replace(plan(warnings=(Problem(Code.UNKNOWN_FIELD, worst, worst),) * 90), refused=(worst,) * 90)
    results = [EnvironmentResult(worst, refused), EnvironmentResult(worst, None, f"{worst}\n" * 90)]
    page = render(results)
    assert len(page.encode()) <= FRAME
    assert "and 65 more" in page


def test_old_and_new_values_stand_side_by_side_with_differing_words_marked() -> None:
    page = shown(change("update", "rule/x", replaced(("title",), "CPU is busy", "CPU is idle", 3)))
    assert '<th scope="row">title <small>line 3</small></th>' in page
    assert '<span class="old">&#34;CPU is <del>busy</del>&#34;</span></td><td>' in page
    assert '<span class="new">&#34;CPU is <ins>idle</ins>&#34;</span></td>' in page


def test_added_values_stand_on_the_right_and_removed_values_on_the_left() -> None:
    page = shown(change("update", "rule/x", added(("a",), 1), removed(("b",), 2)))
    assert '<td></td><td><span class="new">1</span></td>' in page
    assert '<td><span class="old">2</span></td><td></td>' in page


def test_a_new_resource_has_its_values_and_its_outline() -> None:
    new = replace(added(("content",), "a\nb\n"), outline=("a", "b"))
    page = shown(change("create", "plugin/x", new, added(("interval",), 30)))
    assert '2 lines<pre tabindex="0" role="group" aria-label="Outline of content">a\nb\n</pre>' in page
    assert '<td><span class="new">30</span></td>' in page


def test_lines_that_differ_are_marked() -> None:
    page = shown(change("update", "plugin/x", replaced(("content",), "a\nb\n", "a\nc\n")))
    assert "<i>@@ -1,2 +1,2 @@</i>\n a\n<del>-b</del>\n<ins>+c</ins>\n</pre>" in page


def test_a_rule_is_described_in_sentences_with_the_changed_words_marked() -> None:
    before, after = Item("base.cpu is above 90 for 5 min"), Item("base.cpu is above 80 for 5 min")
    same = Item("base.load is above 1")
    rule = replace(
        change("update", "rule/x", replaced(("criteria", 0, "condition", "threshold"), 90, 80)),
        items=lambda: (ItemChange("criteria", before, after, is_changed=True), ItemChange("criteria", same, same)),
    )
    page = shown(rule)
    assert (
        '<li class="changed"><b>changed</b> <span class="old">base.cpu is above <del>90</del> for 5 min</span>' in page
    )
    assert '→ <span class="new">base.cpu is above <ins>80</ins> for 5 min</span></li>' in page
    assert '<li><span class="new">base.load is above 1</span></li>' in page


def test_a_create_does_not_repeat_its_sentences_in_the_field_table_but_an_update_does() -> None:
    outlined = replace(added(("criteria",), [{}]), outline=("base.cpu is above 90",))
    items = (ItemChange("criteria", None, Item("base.cpu is above 90"), is_changed=True),)
    page = shown(replace(change("create", "rule/x", outlined, added(("title",), "X")), items=lambda: items))
    assert page.count("base.cpu is above 90") == 1
    assert '<th scope="row">criteria' not in page
    updated = replace(outlined, path=("criteria", 0), line=7)
    page = shown(replace(change("update", "rule/x", updated), items=lambda: items))
    assert '<small>line 7</small></th><td></td><td><span class="new">base.cpu is above 90</span></td>' in page


def test_a_dashboard_is_drawn_before_and_after_with_different_widgets_marked() -> None:
    load, disk = drawn("Load", 1, 1), drawn("Disk", 1, 3)
    page = shown(
        dashboard(
            "web",
            ItemChange("positions", load, load),
            ItemChange("positions", disk, drawn("Disk", 3, 1)),
            ItemChange("positions", drawn("Old", 3, 3), None, is_changed=True),
            ItemChange("positions", None, drawn("New", 3, 3), is_changed=True),
            ItemChange("positions", drawn("A", 5, 1), drawn("B", 5, 3), is_changed=True),
        )
    )
    before, after = page.split("<figure>")[1:]
    assert '<svg width="272" viewBox="0 0 160 156" role="img" aria-label="The grid before">' in before
    assert '<svg x="2" y="2" width="76" height="48"><rect' in before
    assert '<svg class="moved" x="82" y="2" width="76" height="48">' in before
    assert '<text x="4" y="10">↔ Disk</text>' in before
    assert '<svg class="removed" x="82" y="54"' in before
    assert "New" not in before
    assert '<svg class="moved" x="2" y="54"' in after
    assert '<svg class="added" x="82" y="54"' in after
    assert '<svg class="moved and changed" x="82" y="106"' in after
    assert "from row 1, column 3, 2 by 2 to row 3, column 1, 2 by 2" in after
    assert '<span class="old">Old, number: base.load on tag web</span>' in after
    assert "Load, number" not in page  # an unchanged widget is only drawn


def test_the_page_holds_the_full_text_of_a_long_widget_title() -> None:
    item = drawn("A title that is much too long", 1, 1)
    assert "<title>~ A title that is much too long</title>" in shown(
        dashboard("web", ItemChange("positions", item, item, is_changed=True))
    )


def test_a_widget_without_an_old_place_is_described_as_from_nowhere() -> None:
    items = ItemChange("positions", replace(drawn("A", 1, 1), place=None), drawn("A", 1, 1))
    assert "from nowhere to row 1, column 1, 2 by 2" in shown(dashboard("web", items))


def test_a_change_shows_its_cause_its_place_and_the_reason_why_it_is_held() -> None:
    held = replace(
        change("update", "rule/x", replaced(("a",), 1, 2), file="rules/x.yaml", line=2, cause="conflict"),
        held="both have changed it",
        kept=(replaced(("period",), 60, 30),),
    )
    page = shown(held)
    assert 'data-kind="rule" data-action="update" data-cause="conflict" data-state="held" open>' in page
    assert '<span class="cause">conflict: changed in the files and on the server</span>' in page
    assert '<span class="place">rules/x.yaml:2</span>' in page
    assert '<p class="held"><b>Held:</b> both have changed it</p>' in page
    assert "<td>60</td><td> stays as it was changed on the server</td>" in page


def test_a_page_shows_renames_results_errors_moves_and_changed_secrets() -> None:
    secret = masked("changed", replaced(("url",), "${env:HOOK}", "${env:HOOK}"))
    renamed = replace(change("create", "rule/y", cause="new"), renamed="z").finished("failed", "no such")
    page = render(plan(renamed, change("update", "rule/x", secret, moved(("a", 1), 2, 1))))
    assert "<h1>dlsync apply</h1>" in page
    assert '<span class="note">renamed from z</span>' in page
    assert '<span class="outcome failed">failed</span>' in page
    assert '<p class="alarm"><b>Error:</b> no such</p>' in page
    assert "the value of ${env:HOOK} changed" in page
    assert "moved, was a[2]" in page


def test_up_to_20_changes_are_open_and_more_are_closed() -> None:
    assert body(render(whole_plan(20))).count(" open>") == 20
    assert body(render(whole_plan(21))).count(" open>") == 0


def test_the_link_to_a_change_is_its_encoded_kind_and_name() -> None:
    page = shown(change("update", "rule/a b"), change("update", "plugin/x"))
    assert Parsed(page).values("id") == ["rule/a%20b", "plugin/x"]
    assert Parsed(page).values("href") == ["#rule/a%20b", "#plugin/x"]


def test_the_page_offers_filters_for_properties_that_differ_between_changes() -> None:
    page = render(plan(change("create", "rule/a", cause="new"), change("update", "rule/b"), change("update", "rule/c")))
    assert Parsed(page).values("data-by") == ["action", "cause"]
    assert '<label><input type="checkbox" value="update"> update <span>2</span></label>' in page
    assert '<label><input type="checkbox" value="repo"> files <span>2</span></label>' in page


def test_a_page_without_changes_says_so_and_has_no_script() -> None:
    page = render(plan(unchanged=3))
    assert "<h2>acme/default</h2>" in page
    assert "No changes. 3 resources on acme/default match the files." in page
    assert "<script" not in page
    assert 'role="search"' not in page


def test_the_reason_why_an_apply_refuses_a_plan_stands_before_warnings_and_changes() -> None:
    warning = Problem(Code.UNKNOWN_FIELD, "locked")
    page = render(
        replace(plan(change("delete", "rule/x"), commit="abc", warnings=(warning,)), refused=("too many deletes",))
    )
    assert "acme/default at http://127.0.0.1:8080/api/v1, commit abc</p>" in page
    alarm = page.index('<p class="alarm">An apply refuses this plan: too many deletes</p>')
    assert alarm < page.index("<b>warning:</b> locked") < page.index('id="rule/x"')


def test_environments_are_sections_of_one_page() -> None:
    same = change("update", "rule/x", replaced(("a",), 1, 2))
    results = [
        EnvironmentResult("staging", plan(same)),
        EnvironmentResult("production", plan(same)),
        EnvironmentResult("broken", None, "no such account", (Problem(Code.INVALID_VALUE, "bad", "rules/x.yaml", 2),)),
    ]
    page = render(results)
    assert re.findall("<h2>(.*)</h2>", page) == ["staging", "production", "broken"]
    assert Parsed(page).values("id") == ["staging/rule/x", "production/rule/x"]
    assert '<p class="alarm">no such account</p>' in page
    assert '<li class="error"><b>error:</b> rules/x.yaml:2: bad</li>' in page
    assert "<title>dlsync plan: staging and more</title>" in page


def test_a_page_of_drift_has_its_summary_causes_warnings_and_values_from_applied_to_live() -> None:
    edit = change("update", "rule/x", replaced(("title",), "a", "b", 2), cause="drift")
    page = render(Drift(TARGET, (edit,), 12, (Problem(Code.UNKNOWN_FIELD, "locked"),)))
    assert "<h1>dlsync drift</h1>" in page
    assert "Drift: 1 resource on acme/default changed since applied, 12 as applied." in page
    assert '<span class="cause">changed on the server</span>' in page
    assert "<b>warning:</b> locked" in page
    assert '<span class="old">&#34;<del>a</del>&#34;</span></td><td>' in page
    assert '<span class="new">&#34;<ins>b</ins>&#34;</span></td>' in page


def test_a_page_of_an_export_shows_the_changes_of_its_files() -> None:
    files = (FileChange(Address("rule", "x"), "update", "rules/x.yaml", b""),)
    edit = change("update", "rule/x", replaced(("title",), "a", "b"), cause="repo", file="rules/x.yaml")
    page = render(Export(TARGET, files, 4, changes=lambda: (edit,)), written=False)
    assert "An export would change files of acme/default: 0 files created, 1 updated, 0 deleted; 4 resources" in page
    assert 'id="rule/x" data-kind="rule" data-action="update" data-cause="repo" open>' in page
    assert '<span class="place">rules/x.yaml</span>' in page
    assert '<span class="new">&#34;<ins>b</ins>&#34;</span>' in page
    assert "Exported acme/default" in render(Export(TARGET, files, 4))
