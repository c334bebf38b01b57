"""Plans for HTML pages, and a parser for the pages."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dlsync.model import Item, ItemChange, Place
from tests.builders.plans import added, any_change, any_plan, any_text, change, plan, replaced

if TYPE_CHECKING:
    from dlsync.model import Plan, ResourceChange

ELEMENTS = frozenset(
    """
    a b body button details del div fieldset figcaption figure h1 h2 h3 head header html i input ins kbd
    label legend li main meta p pre rect script section small span style summary svg table tbody td text th
    thead title tr ul code
    """.split()  # noqa: SIM905 - a list of words is easier to read
)
ATTRIBUTES = frozenset(
    """
    aria-label charset class colspan content data-action data-by data-cause data-kind data-open data-state
    height hidden href http-equiv id lang name open placeholder role rx scope tabindex type value viewbox
    width x y
    """.split()  # noqa: SIM905 - a list of words is easier to read
)


class Parsed(HTMLParser):
    """The elements, attributes and texts of a parsed page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.odd: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)

    def unknown_decl(self, data: str) -> None:
        self.odd.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def values(self, name: str) -> list[str | None]:
        return [value for attribute, value in self.attributes if attribute == name]


def drawn(title: str, row: int, column: int) -> Item:
    return Item(f"{title}, number: base.load on tag web", title, "number", Place(row, column, 2, 2))


def dashboard(name: str, *items: ItemChange) -> ResourceChange:
    return replace(
        change("update", f"dashboard/{name}", replaced(("period",), 60, 30, 2), file=f"dashboards/{name}.yaml", line=2),
        items=lambda: items,
    )


def whole_plan(number: int) -> Plan:
    """Return a plan that creates a number of dashboards, rules and plugins, in turn."""
    widgets = [
        ItemChange("positions", None, drawn(f"Widget {at}", at // 4 * 2 + 1, at % 4 * 2 + 1)) for at in range(12)
    ]
    criteria = [ItemChange("criteria", None, Item("base.cpu is above 90 for 5 min on tag web"), is_changed=True)]
    made = (
        replace(
            change("create", f"dashboard/d-{number}", added(("title",), "D"), cause="new"), items=lambda: (*widgets,)
        ),
        replace(change("create", f"rule/r-{number}", added(("title",), "R"), cause="new"), items=lambda: (*criteria,)),
        change(
            "create", f"plugin/p-{number}", replace(added(("content",), "x\n" * 30), outline=("x",) * 9), cause="new"
        ),
    )
    every = (
        replace(one, address=replace(one.address, name=f"{one.address.name}-{at}"), file=f"files/{at}.yaml", line=1)
        for at in range(number)
        for one in (made[at % 3],)
    )
    return plan(*every)


def any_items() -> st.SearchStrategy[tuple[ItemChange, ...]]:
    cell = st.integers(1, 9)
    item = st.builds(Item, any_text(), any_text(), any_text(), st.none() | st.builds(Place, cell, cell, cell, cell))
    pair = st.tuples(st.none() | item, st.none() | item).filter(any)
    one = st.builds(
        lambda section, pair, changed: ItemChange(section, pair[0], pair[1], is_changed=changed),
        any_text(),
        pair,
        st.booleans(),
    )
    return st.lists(one, max_size=3).map(tuple)


def any_page_plan() -> st.SearchStrategy[Plan]:
    """Return a strategy for plans whose changes have any items."""
    with_items = st.builds(lambda one, items: replace(one, items=lambda: items), any_change(), any_items())
    changes = st.lists(with_items, max_size=4).map(tuple)
    return st.builds(
        lambda one, changes, refused: replace(one, changes=changes, refused=refused),
        any_plan(),
        changes,
        st.lists(any_text(), max_size=2).map(tuple),
    )
