"""The resources that dlsync adopted or released, as text and as JSON."""

from hypothesis import given
from hypothesis import strategies as st

from dlsync.model import Address
from dlsync.operations.manage import ManageResult
from dlsync.render.state import addresses_document, render_addresses, render_result, result_document
from tests.builders.plans import any_text, assert_harmless

WEB, LOAD = Address("dashboard", "web"), Address("rule", "load")


def any_address() -> st.SearchStrategy[Address]:
    return st.builds(Address, any_text(), any_text())


def test_text_has_a_line_for_each_resource_the_reason_if_it_was_left_and_a_count() -> None:
    assert render_result("adopted", ManageResult((WEB,), ((LOAD, "it is managed already"),))) == (
        "adopted dashboard/web\nleft rule/load: it is managed already\n1 resource adopted.\n"
    )
    assert render_addresses([WEB, LOAD]) == "dashboard/web\nrule/load\n"


def test_json_lists_changed_resources_and_resources_that_were_left() -> None:
    assert result_document("released", ManageResult((WEB,), ((LOAD, "it is not managed"),))) == {
        "format_version": 1,
        "released": [{"kind": "dashboard", "name": "web"}],
        "left": [{"kind": "rule", "name": "load", "reason": "it is not managed"}],
    }
    assert addresses_document([LOAD])["managed"] == [{"kind": "rule", "name": "load"}]


@given(st.lists(any_address(), max_size=3), st.lists(st.tuples(any_address(), any_text()), max_size=3))
def test_a_hostile_name_is_one_line_and_harmless_on_a_terminal(
    taken: list[Address], left: list[tuple[Address, str]]
) -> None:
    lines = render_result("adopted", ManageResult(tuple(taken), tuple(left))).split("\n")
    assert len(lines) == len(taken) + len(left) + 2
    assert_harmless("\n".join([*lines, render_addresses(taken)]))
